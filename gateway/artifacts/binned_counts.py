"""
Binned counts: how many rows fell into each bin of a number, for groups of rows with equal levels of some fields.

The format (version 1): {"version": 1, "start": 0, "width": 1000, "series": [{"name": text, "by": [field], "groups":
[{"of": [level], "bins": [[bin, count]]}]}]}. Bin 12 holds values from start + 12 * width up to, not including, the next
bin. Only counts: no value of a row can be read from it but that it lies in a bin.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec

from gateway.errors import ArtifactError
from gateway.system import files

#: A page loads the whole file: this is 100 KB as sent.
MOST_BYTES: Final = 2**20
#: More bars are narrower than a pixel.
MOST_BINS: Final = 2000
#: Edges of bins between which a page can count without an overflow, and without two that are one number.
_MOST_EDGE: Final = 1e300
_LEAST_WIDTH: Final = 1e-300
_MOST_SERIES: Final = 4
_MOST_FIELDS: Final = 8

Level: TypeAlias = str | int | float | bool | None
_Bin: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=MOST_BINS)]
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold the counts of the rows whose fields have the levels `of`; bins that are not listed are empty."""

    of: list[Level]
    bins: Annotated[list[tuple[_Bin, _Count]], msgspec.Meta(min_length=1)]


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold groups of rows by the levels of some fields; `{field}` in its name is the level of that field."""

    name: _Text
    by: Annotated[list[_Text], msgspec.Meta(max_length=_MOST_FIELDS)]
    groups: Annotated[list[Group], msgspec.Meta(min_length=1)]


class BinnedCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Hold all series of a plot; their bins are the same."""

    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    start: float
    width: Annotated[float, msgspec.Meta(gt=0)]
    series: Annotated[list[Series], msgspec.Meta(min_length=1, max_length=_MOST_SERIES)]

    @cached_property
    def by_levels(self) -> list[dict[tuple[str, ...], Group]]:
        """Return the groups of each series by their levels as text."""
        return [{levels_key(group.of): group for group in series.groups} for series in self.series]


def levels_key(levels: list[Level]) -> tuple[str, ...]:
    """Return levels as text, as they are compared: 1 and 1.0 are one level, "1" is another."""
    return tuple(_text(level) for level in levels)


def _text(level: Level) -> str:
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    return msgspec.json.encode(level).decode()


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(BinnedCounts).decode


def read(path: Path) -> BinnedCounts:
    """Return the counts of a file; raises ArtifactError "plot-missing", "plot-unreadable", "plot-broken"."""
    try:
        return parse(files.read(path, MOST_BYTES))
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path.name} does not exist (looked for {files.shortened(str(path))})",
            code="plot-missing",
            hint="write the file, or correct its path in registry.yaml",
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{path.name} cannot be read: {error.strerror}",
            code="plot-unreadable",
            hint=f"put a readable file of at most {MOST_BYTES:,} bytes in its place",
        ) from error


def parse(content: bytes) -> BinnedCounts:
    """Return the counts; raises ArtifactError "plot-broken" with the first thing that is wrong."""
    try:
        found = _decode(content)
    except msgspec.MsgspecError as error:
        raise broken(str(error)) from error
    for fault in _faults(found):
        raise broken(fault)
    return found


def broken(why: str) -> ArtifactError:
    """Return the error of counts that cannot be drawn."""
    return ArtifactError(
        f"its counts cannot be drawn: {why}",
        code="plot-broken",
        hint="write the file again as docs/registry.md describes it; a saved file is read by itself",
    )


def _faults(found: BinnedCounts) -> Iterator[str]:
    if (fault := _fault_of_edges(found)) is not None:
        yield fault
    for number, series in enumerate(found.series):
        if len(set(series.by)) < len(series.by):
            yield f"series[{number}].by names a field twice"
        seen = set()
        for place, group in enumerate(series.groups):
            where = f"series[{number}].groups[{place}]"
            if len(group.of) != len(series.by):
                yield f"{where}.of has {len(group.of)} levels for {len(series.by)} fields"
            key = levels_key(group.of)
            if key in seen:
                yield f"{where}.of stands for a second time"
            seen.add(key)
            bins = [one for one, _ in group.bins]
            if any(left >= right for left, right in pairwise(bins)):
                yield f"{where}.bins are not in ascending order, each once"


def _fault_of_edges(found: BinnedCounts) -> str | None:
    last = max((number for series in found.series for group in series.groups for number, _ in group.bins), default=0)
    end = found.start + (last + 1) * found.width
    furthest = max(abs(found.start), abs(end))
    if not furthest <= _MOST_EDGE:
        return f"its bins reach from {found.start:g} to {end:g}, beyond {_MOST_EDGE:g}"
    if found.width < max(_LEAST_WIDTH, 4 * math.ulp(furthest)):
        return f"bins of width {found.width:g} are too narrow to be told apart near {furthest:g}"
    return None
