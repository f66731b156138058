"""Moments on a command line: so long from now, or a date."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONG: Final = re.compile(r"([0-9]{1,6})([smhdw])")


class Moment(click.ParamType[datetime]):
    """Read `30d`, `12h`, `0`, `2027-01-31` or `2027-01-31T12:00:00Z`; a time without a zone is one of UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment; raises BadParameter."""
        if isinstance(value, datetime):
            return value
        if value.strip() == "0":
            return datetime.now(UTC).replace(microsecond=0)
        if found := _LONG.fullmatch(value.strip()):
            return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=int(found[1]) * _UNITS[found[2]])
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            self.fail(f"{value!r} is neither so long (30d, 12h) nor a date (2027-01-31).", param, ctx)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def whole_seconds(moment: datetime | None) -> str:
    """Return a moment as people read it, in UTC."""
    return "never" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how many days ago a moment was."""
    if moment is None:
        return "at an unknown time"
    days = (now - moment).days
    return "today" if days < 1 else "yesterday" if days == 1 else f"{days} days ago"
