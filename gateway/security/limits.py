"""Limits of one caller at one route: requests and rows in a span of time, and rows of a day."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

#: Seconds of each unit that a rate may name.
UNITS: Final = {"s": 1, "min": 60, "h": 3600}
_SPANS: Final = {1: "a second", 60: "a minute", 3600: "an hour"}
RATE_PATTERN: Final = r"[1-9][0-9]{0,8}/(s|min|h)"
#: Largest burst and largest quota: a quota shares a word of 8 bytes with its day.
MOST_BURST: Final = 10**9
MOST_DAILY: Final = 10**12
_NS: Final = 10**9
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold a count in a span of time, such as 100/s."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate; raises ValueError where the text is none."""
        if not re.fullmatch(RATE_PATTERN, text):
            raise ValueError(f"{text!r} is no rate such as 100/s, 600/min or 1000/h")
        count, _, unit = text.partition("/")
        return cls(int(count), UNITS[unit])

    def ns(self, count: int) -> int:
        """Return in how many nanoseconds so many become available again."""
        return count * self.seconds * _NS // self.count

    def within(self, ns: int) -> int:
        """Return how many become available in so many nanoseconds."""
        return ns * self.count // (self.seconds * _NS)

    def of(self, what: str) -> str:
        """Return it for people: `100 requests a second`."""
        return f"{self.count:,} {what} {_SPANS[self.seconds]}"

    def __str__(self) -> str:
        """Return it as the registry writes it."""
        return f"{self.count}/{next(unit for unit, seconds in UNITS.items() if seconds == self.seconds)}"


@dataclass(frozen=True)
class CallerLimits:
    """
    Hold what one caller may use of one route; None is no limit.

    `burst` is how many requests may come at once: the count of `requests` where it is not given. As many rows as `rows`
    names may come at once; a larger batch is let in while nothing is owed, and then owed.
    """

    requests: Rate | None = None
    burst: int | None = None
    rows: Rate | None = None
    daily: int | None = None

    def __bool__(self) -> bool:
        """Say whether anything is limited."""
        return self.requests is not None or self.rows is not None or self.daily is not None

    def told(self, limit: str) -> str:
        """Return one of them for people, "" where it is none."""
        if limit == "requests" and self.requests is not None:
            return f"{self.requests.of(limit)}, {self.most_requests:,} at once"
        if limit == "rows" and self.rows is not None:
            return self.rows.of(limit)
        return f"{self.daily:,} rows a day" if limit == "daily" and self.daily is not None else ""

    def __str__(self) -> str:
        """Return them for people."""
        return "; ".join(filter(None, map(self.told, ("requests", "rows", "daily"))))

    @cached_property
    def policy(self) -> str:
        """Return them as RateLimit-Policy does: q in w seconds, and burst at once where that differs."""
        members = []
        if self.requests is not None:
            burst = f";burst={self.burst}" if self.burst and self.burst != self.requests.count else ""
            members.append(f'"requests";q={self.requests.count};w={self.requests.seconds}{burst}')
        if self.rows is not None:
            members.append(f'"rows";q={self.rows.count};w={self.rows.seconds}')
        if self.daily is not None:
            members.append(f'"daily";q={self.daily};w={DAY_S}')
        return ", ".join(members)

    @classmethod
    def parse(cls, keys: Mapping[str, Any]) -> Self:
        """Read limits that stand beside a key; raises ValueError with what is wrong with the first one."""
        for name, value in keys.items():
            if name not in ("requests", "burst", "rows", "daily"):
                raise ValueError(f"{str(name)[:40]!r} is no limit: expected requests, burst, rows or daily")
            most = {"burst": MOST_BURST, "daily": MOST_DAILY}.get(name)
            if most is not None and not (type(value) is int and 1 <= value <= most):
                raise ValueError(f"{name}: expected a whole number from 1 to {most:,}")
        if "burst" in keys and "requests" not in keys:
            raise ValueError("burst: it is about requests, such as 100/s, which are missing")
        rates = {name: Rate.parse(str(keys[name])) for name in ("requests", "rows") if name in keys}
        return cls(**rates, burst=keys.get("burst"), daily=keys.get("daily"))

    @cached_property
    def of_requests(self) -> "CallerLimits":
        """Return the limits of requests alone."""
        return CallerLimits(requests=self.requests, burst=self.burst)

    @cached_property
    def most_requests(self) -> int:
        """Return how many requests may come at once."""
        return self.burst or (self.requests.count if self.requests is not None else 0)
