"""Keys of `limits`: what one caller may use of a route, or of what is no route."""

from dataclasses import dataclass
from typing import Annotated, Final

from gateway.registry.key_definition import Key
from gateway.security.limits import MOST_BURST, MOST_DAILY, RATE_PATTERN, CallerLimits, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimitKeys:
    """Hold the `limits` of `server`, which has no rows; None is no limit."""

    requests: Annotated[
        str | None, Key("requests in a span of time, such as 100/s, 600/min or 1000/h", pattern=RATE_PATTERN)
    ] = None
    burst: Annotated[
        int | None,
        Key("requests that may come at once; the count of `requests` when absent", minimum=1, maximum=MOST_BURST),
    ] = None

    def limits(self) -> CallerLimits | None:
        """Return them as numbers, None where nothing is limited."""
        return None if self.requests is None else CallerLimits(requests=Rate.parse(self.requests), burst=self.burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKeys(RequestLimitKeys):
    """Hold the `limits` of a route; None is no limit."""

    rows: Annotated[
        str | None,
        Key(
            "rows in a span of time; a batch of more rows is let in when nothing is owed, and then owed",
            pattern=RATE_PATTERN,
        ),
    ] = None
    daily: Annotated[
        int | None, Key("rows answered from 00:00 to 24:00 UTC, over restarts", minimum=1, maximum=MOST_DAILY)
    ] = None

    def limits(self) -> CallerLimits | None:
        """Return them as numbers, None where nothing is limited."""
        limits = CallerLimits(
            requests=None if self.requests is None else Rate.parse(self.requests),
            burst=self.burst,
            rows=None if self.rows is None else Rate.parse(self.rows),
            daily=self.daily,
        )
        return limits or None


#: Nothing is limited.
UNLIMITED: Final = LimitKeys()
UNLIMITED_REQUESTS: Final = RequestLimitKeys()
