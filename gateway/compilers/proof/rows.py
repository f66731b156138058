"""
Instances made up from a signature: many that reach every corner of it.

Deterministic: the same signature gives the same rows. Knows no model.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gateway.schema import Column, Field, Signature, make_column
from gateway.validation.ranges import inclusive_range
from gateway.validation.sample import plausible

_SEED = 20
#: Random rows; with about 300 levels of one column each level is drawn a few times.
RANDOM_ROWS = 1_500
#: Instances up to which a space of levels, booleans and short ranges is tried whole.
MAX_ALL = 2_000
#: Share of missing values in random rows, where a field takes them.
_HOLES = 0.1
#: One by one on a plausible row: zeros, denormals, float32's ends, what float32 cannot hold. Beyond 1e300 each order of
#: additions overflows in its own way.
_EDGES = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 1e-300, 255.0, -1e6, 1e6, 16_777_217.0, 1e12, -1e12, 1e30, 1e39,
    5e-324, -1e-310, 1.4e-45, 3.4028235677973366e38, 1e200, -1e200,
)  # fmt: skip
_EDGE_WHOLE = (0, 1, -1, 2, 7, 255, 65_536, -1_000_000, 16_777_217, 2**53)
_TEXTS = (
    "", " ", "a", "the", "I", "good", "GOOD Good good", "not bad, not bad at all!", "größer als das Leben",
    "Ünïcödé ÉCOLE straße ﬁn ǅ İstanbul", "映画 は 素晴らしい", "🎬🎬 film 🎬", "e\u0301cole vs \u00e9cole",
    "don't can't it's", "under_score snake_case", "x1 2nd 3.14 1,000", "tab\tnew\nline\r\nend  two   spaces",
    "<b>bold</b> &amp; http://a.b/c?d=e#f",
    "\u00a0nbsp\u2003em\u200bzero", "مرحبا بالعالم", "ab " * 300, "a-b_c.d,e;f",
    "'quoted' \"text\"", "aaa aaaa aaaaa", "\x00nul\x7f",
)  # fmt: skip


def generated(native: Signature, merged: Signature, seen: Sequence[Column] = ()) -> Iterator[list[Column]]:
    """
    Yield batches of instances over the whole signature: every level, range edges, missing, unknown, odd text.

    `seen` are real instances (golden rows): their values show where undeclared ranges lie.
    """
    draw = np.random.default_rng(_SEED)
    fields = fields_of(native, merged, seen)
    yield columns_of(merged, [field.drawn(draw, RANDOM_ROWS) for field in fields])
    base = [field.base() for field in fields]
    sweeps: list[list[Any]] = [[] for _ in fields]
    for i, field in enumerate(fields):
        edges = field.edges()
        for j, column in enumerate(sweeps):
            column.extend(edges if i == j else [base[j]] * len(edges))
    if sweeps and sweeps[0]:
        yield columns_of(merged, sweeps)


def everything(native: Signature, merged: Signature) -> list[Column] | None:
    """Return every instance that can come, None where there are more than MAX_ALL."""
    choices = [field.all() for field in fields_of(native, merged)]
    known = [values for values in choices if values is not None]
    if len(known) < len(choices) or not known or math.prod(map(len, known)) > MAX_ALL:
        return None
    return columns_of(merged, list(zip(*itertools.product(*known), strict=True)))


def fields_of(native: Signature, merged: Signature, seen: Sequence[Column] = ()) -> list["Values"]:
    """Return what makes the values of each field."""
    pairs = zip(native.inputs, merged.inputs, strict=True)
    return [Values(own, field, seen[i] if seen else None) for i, (own, field) in enumerate(pairs)]


def columns_of(merged: Signature, values: Sequence[Sequence[Any]]) -> list[Column]:
    """Return columns of the types that a worker passes on, which are the route's."""
    return [make_column(field.column_type, column) for field, column in zip(merged.inputs, values, strict=True)]


class Values:
    """Make values of one field: `own` is what the artifact says, `field` the contract of the route."""

    def __init__(self, own: Field, field: Field, seen: Column | None) -> None:
        self.field = field
        levels = field.enum if field.enum is not None else own.enum
        self.levels = None if levels is None else list(levels)
        self.may_be_missing = field.nullable or not field.required or bool(field.missing) or field.unknown == "missing"
        #: A model that takes no missing value refuses them all: once in the sweep is enough.
        self.takes_missing = own.nullable and self.may_be_missing
        self.seen = (
            []
            if seen is None
            else [value for value in seen.tolist() if not (isinstance(value, float) and math.isnan(value))]
        )

    def base(self) -> Any:
        """Return one plausible value."""
        return self.seen[0] if self.seen else plausible(self.field)

    def drawn(self, draw: "np.random.Generator", count: int) -> list[Any]:
        """Return random values, some of them missing."""
        values = self._random(draw, count)
        if self.takes_missing:
            holes = draw.random(count) < _HOLES
            values = [math.nan if hole else value for hole, value in zip(holes, values, strict=True)]
        return values

    def all(self) -> list[Any] | None:
        """Return every value that can come, None where there are more than MAX_ALL."""
        choices = self._choices()
        if choices is None and self.field.type == "integer":
            low, high = inclusive_range(self.field)
            choices = list(range(math.ceil(low), math.floor(high) + 1)) if high - low < MAX_ALL else None
        return None if choices is None else [*choices, *([math.nan] if self.may_be_missing else [])]

    def _choices(self) -> list[Any] | None:
        if self.levels is not None:
            return self.levels
        return [True, False] if self.field.type == "boolean" else None

    def edges(self) -> list[Any]:
        """Return every level, the ends of the range, odd values, and missing."""
        missing = [math.nan] if self.may_be_missing else []
        choices = self._choices()
        if choices is not None:
            return [*choices, *missing]
        if self.field.type == "string":
            return [text for text in (*_TEXTS, *self.seen) if self._fits(text)] + missing
        low, high = inclusive_range(self.field)
        whole = self.field.type == "integer"
        ends: list[Any] = [value for value in (low, high) if math.isfinite(value)]
        ends = [int(value) for value in ends] if whole else ends
        inside = [value for value in (_EDGE_WHOLE if whole else _EDGES) if low <= value <= high]
        return [*ends, *inside, *self.seen, *missing]

    def fitting(self, value: float) -> float:
        """Return the nearest number that the route takes."""
        low, high = inclusive_range(self.field)
        value = min(max(float(value), low), high)
        return round(value) if self.field.type == "integer" else value

    def _random(self, draw: "np.random.Generator", count: int) -> list[Any]:
        choices = self._choices()
        if choices is not None:
            return [choices[i] for i in draw.integers(len(choices), size=count)]
        if self.field.type == "string":
            return [self._phrase(draw) for _ in range(count)]
        low, high = self._span()
        if self.field.type == "integer":
            return list(map(int, draw.integers(math.ceil(low), max(math.floor(high), math.ceil(low)) + 1, size=count)))
        return list(map(float, draw.uniform(low, high, size=count)))

    def _span(self) -> tuple[float, float]:
        """Return where random values are drawn: the declared range, else around the seen values."""
        low, high = inclusive_range(self.field)
        if not math.isfinite(low) or not math.isfinite(high):
            seen = [float(value) for value in self.seen] or [-100.0, 100.0]
            width = max(max(seen) - min(seen), abs(max(seen)), 1.0)
            low = max(low, min(seen) - width / 2)
            high = max(min(high, max(seen) + width / 2), low)
        return low, high

    def _fits(self, text: str) -> bool:
        least, most = self.field.min_length or 0, self.field.max_length
        return least <= len(text) and (most is None or len(text) <= most)

    def _phrase(self, draw: "np.random.Generator") -> str:
        """Return words of the seen texts and of the odd ones, shuffled."""
        words = [word for text in (*_TEXTS[:20], *map(str, self.seen)) for word in text.split(" ")][:2_000]
        chosen = draw.integers(len(words), size=int(draw.integers(1, 30)))
        text = " ".join(words[i] for i in chosen)
        return text if self._fits(text) else (text * (self.field.min_length or 1))[: self.field.max_length]
