"""Validate the chunks of a batch: validated rows, faults of the others in terms of the whole batch, row ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.codecs.chunks import MAX_FAULTS, Chunk
from gateway.codecs.json_pointers import listed
from gateway.errors import Fault, InputError
from gateway.schema import Batch
from gateway.validation import Partial, Validator


@dataclass(slots=True)
class ValidatedChunk:
    """
    Hold a chunk after validation.

    `good` are the indices (in the chunk) of the rows of `batch`, None when all are. `errors` has the first fault of
    every other row when bad rows are skipped. `faults` and `total` are what is wrong when they are not. `keys` name
    the rows where they have ids.
    """

    chunk: Chunk
    batch: Batch
    good: Sequence[int] | None = None
    errors: dict[int, Fault] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    total: int = 0
    keys: list[str | None] | None = None

    def spread(self, values: Sequence[Any], fill: Any = None) -> Sequence[Any]:
        """Put the values of the good rows where their rows stand in the chunk."""
        return scattered(values, self.good, self.chunk.size, fill)


def scattered(values: Sequence[Any], rows: Sequence[int] | None, size: int, fill: Any = None) -> Sequence[Any]:
    """Return a list of `size` with each value at its row and `fill` elsewhere; the values alone where rows is None."""
    if rows is None:
        return values
    column = [fill] * size
    for row, value in zip(rows, values, strict=True):
        column[row] = value
    return column


class ChunkValidator:
    """
    Validate the chunks of one pass over a batch, in order.

    `unique_ids` makes a second row with one id, and a row without id among others that have one, a fault.
    """

    def __init__(self, validator: Validator, id_fields: Sequence[str], *, skip: bool, unique_ids: bool) -> None:
        self._validator = validator
        self._id_fields = id_fields
        self._skip = skip
        self._unique_ids = unique_ids
        self._ids = UniqueIds()
        self.has_ids = False

    def __call__(self, chunk: Chunk) -> ValidatedChunk:
        """Validate a chunk; raises InputError only for faults of the header."""
        validated = self._skipping(chunk) if self._skip else self._whole(chunk)
        self._name_rows(validated)
        return validated

    def _whole(self, chunk: Chunk) -> ValidatedChunk:
        validator = self._validator
        faults, total = list(chunk.faults), len(chunk.faults)
        batch = Batch([], 0)
        try:
            if chunk.instances is None:
                batch = validator.columns(chunk.names, chunk.columns)
            else:
                batch = validator.rows(chunk.instances, text=chunk.text, at=chunk.at, table=chunk.shared)
        except InputError as error:
            if any(fault.row is None for fault in error.faults):
                raise error if chunk.locator is None else chunk.locator.rebased(error) from None
            faults = sorted([*faults, *(rebased(fault, chunk) for fault in error.faults)], key=_row)
            total += error.total
        return ValidatedChunk(chunk, batch, chunk.kept, faults=faults[:MAX_FAULTS], total=total)

    def _skipping(self, chunk: Chunk) -> ValidatedChunk:
        validator = self._validator
        if chunk.instances is None:
            part = validator.good_columns(chunk.names, chunk.columns)
        else:
            part = self._good_rows(chunk, chunk.instances)
        faults = sorted([*chunk.faults, *(rebased(fault, chunk) for fault in part.faults)], key=_row)
        errors = {_row(fault) - chunk.start: fault for fault in faults}
        kept = chunk.kept
        good = part.kept if kept is None else [kept[row] for row in part.kept]
        return ValidatedChunk(chunk, part.batch, None if not errors else good, errors)

    def _good_rows(self, chunk: Chunk, instances: Sequence[Any]) -> Partial:
        """Return the good rows; a table in JSON has a header, whose faults are raised."""
        try:
            return self._validator.good_rows(instances, text=chunk.text, at=chunk.at, table=chunk.shared)
        except InputError as error:
            raise error if chunk.locator is None else chunk.locator.rebased(error) from None

    def _name_rows(self, validated: ValidatedChunk) -> None:
        keys = self._keys(validated)
        if keys is None:
            return
        self.has_ids = True
        validated.keys = keys
        if self._unique_ids:
            self._refuse_duplicates(validated, keys)

    def _keys(self, validated: ValidatedChunk) -> list[str | None] | None:
        """Return one key per row as sent: from the table where there is one, else from the good rows."""
        chunk = validated.chunk
        if chunk.instances is None:
            name = next((one for one in self._id_fields if one in chunk.names), None)
            if name is None:
                return None
            column = chunk.columns[chunk.names.index(name)]
            if not all(type(value) is str for value in column):
                column = [None if value is None else json_key(value) for value in column]
            return list(scattered(column, chunk.kept, chunk.size))
        ids = validated.batch.ids
        if ids is None:
            return [None] * chunk.size if self.has_ids else None
        return list(validated.spread([None if one is None else json_key(one) for one in ids]))

    def _refuse_duplicates(self, validated: ValidatedChunk, keys: Sequence[str | None]) -> None:
        start = validated.chunk.start
        rows = range(validated.chunk.size) if validated.good is None else validated.good
        refused = self._ids.faults(rows, keys, start)
        if not refused:
            return
        if not self._skip:
            validated.faults = sorted([*validated.faults, *refused.values()], key=_row)[:MAX_FAULTS]
            validated.total += len(refused)
            return
        kept = [position for position, row in enumerate(rows) if row not in refused]
        validated.batch = _subset(validated.batch, kept)
        validated.good = [rows[position] for position in kept]
        validated.errors = dict(sorted({**validated.errors, **refused}.items()))


class UniqueIds:
    """Know the ids of the rows of one batch so far."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def faults(self, rows: Sequence[int], keys: Sequence[str | None], start: int) -> dict[int, Fault]:
        """Return the faults of the rows whose id is missing or is that of an earlier row; notes all other ids."""
        if len(rows) == len(keys) and all(keys) and len(set(keys)) == len(keys) and self._seen.keys().isdisjoint(keys):
            # The usual case, at a tenth of the time.
            self._seen.update(zip(keys, range(start, start + len(keys)), strict=True))  # type: ignore[arg-type]
            return {}
        faults: dict[int, Fault] = {}
        for row in rows:
            key, number = keys[row], start + row
            if not key:
                text = "the row has no id; the answer names each row by its id"
                faults[row] = Fault(f"$[{number}]", "missing-id", text, row=number)
            elif key in self._seen:
                text = f"id {key[:80]!r} is also the id of row {self._seen[key]}; an object can hold it only once"
                faults[row] = Fault(f"$[{number}]", "duplicate-id", text, row=number)
            else:
                self._seen[key] = number
        return faults


def _subset(batch: Batch, rows: Sequence[int]) -> Batch:
    index = np.asarray(rows, dtype=np.intp)
    ids = None if batch.ids is None else [batch.ids[row] for row in rows]
    return Batch([column[index] for column in batch.columns], len(rows), ids, batch.ignored, batch.invalid)


def rebased(fault: Fault, chunk: Chunk) -> Fault:
    """Say where a fault stands in the whole batch and not in its chunk."""
    if fault.row is None:
        return fault
    row = chunk.start + (fault.row if chunk.kept is None else chunk.kept[fault.row])
    return (chunk.locator or listed(chunk.at)).at_row(fault, row)


def _row(fault: Fault) -> int:
    return fault.row or 0


def json_key(value: Any) -> str:
    """Return an id as an object key; 7.0 is 7, as spreadsheets write it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
