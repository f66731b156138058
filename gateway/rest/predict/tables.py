"""Make the writer of an answer, and the input columns that writers of tables put before it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Response

from gateway.answers.columns import Plan, columns_of, plan_of
from gateway.answers.leaves import Leaf, explained_leaves, leaves_of
from gateway.answers.templates import detail_template, without_explanation
from gateway.codecs.chunks import Answered, BatchWriter, Chunk
from gateway.codecs.csv import CsvWriter
from gateway.codecs.json_batch import JsonWriter
from gateway.codecs.ndjson import NdjsonWriter
from gateway.codecs.parquet import ParquetWriter
from gateway.codecs.xlsx_writer import XlsxWriter
from gateway.rest.predict.chunk_validation import ValidatedChunk, scattered
from gateway.rest.predict.negotiate import Preferences
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.validation.column_names import places_of


class InputTable:
    """
    Give the input columns of a batch: as sent for tables, as validated for JSON, which may name and order at will.

    Made from the first chunk; `names` and `types` hold for all.
    """

    def __init__(self, route: Route, first: Chunk | None, *, has_ids: bool) -> None:
        signature = route.signature
        assert signature is not None  # noqa: S101 - a route without one does not serve
        self._plan: Plan = plan_of(signature, {f"inputs.{name}" for name in signature.names})
        by_name = {name: one for one in signature.inputs for name in (one.name, *one.aliases)}
        self.id_name = _id_name(route, first) if has_ids else None
        if first is not None and first.instances is None:
            self.names: Sequence[str] = first.names
            # The second column of one name is no field: validation has refused it unless it is an extra one.
            at_first = places_of(first.names)
            self._fields = [by_name.get(name) if at_first[name] == at else None for at, name in enumerate(first.names)]
        else:
            own = [] if self.id_name is None or self.id_name in signature.names else [self.id_name]
            self.names = [*own, *signature.names]
            self._fields = [by_name.get(name) for name in self.names]
        self.types = ["string" if one is None else one.type for one in self._fields]

    def columns(self, validated: ValidatedChunk, wants: str) -> list[Sequence[Any]]:
        """Return the columns of a chunk as its writer wants them, one cell per row as sent (BatchWriter)."""
        if not wants:
            return []
        chunk = validated.chunk
        sent = None
        if chunk.instances is None:
            sent = [scattered(column, chunk.kept, chunk.size) for column in chunk.columns]
        if sent is not None and wants == "sent":
            return sent
        typed = self._typed(validated, sent)
        return typed if sent is None or wants == "typed" else self._best(typed, sent)

    def _best(self, typed: Sequence[Sequence[Any]], sent: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Return numbers as they were read, and as sent what is none, texts, and the cells of bad rows."""
        return [
            cells if one is None or one.type == "string" else list(map(_known, values, cells))
            for one, values, cells in zip(self._fields, typed, sent, strict=True)
        ]

    def _typed(self, validated: ValidatedChunk, sent: Sequence[Sequence[Any]] | None) -> list[Sequence[Any]]:
        """Return the columns in the types of their fields; those of no field as sent."""
        chunk = validated.chunk
        values = columns_of(self._plan, validated.batch, Predictions([])).inputs
        found: list[Sequence[Any]] = []
        for at, one in enumerate(self._fields):
            if one is not None:
                found.append(validated.spread(values[one.name]))
            elif sent is not None:
                found.append(sent[at])
            else:
                found.append(validated.keys or [None] * chunk.size)
        return found


def _known(value: Any, sent: Any) -> Any:
    """Return a value, or the cell it was read from where that is a missing one, or was refused."""
    return sent if value is None or value != value else value  # noqa: PLR0124 - NaN is missing


def _id_name(route: Route, first: Chunk | None) -> str:
    """Return the name under which the ids came, or the first one that the route knows."""
    names = route.spec.id_fields
    given: Any = () if first is None else first.names
    if first is not None and first.instances and isinstance(first.instances[0], dict):
        given = first.instances[0]
    return next((name for name in names if name in given), names[0] if names else "id")


def writer_for(
    wanted: Preferences, route: Route, table: InputTable, *, has_ids: bool, scratch: Path | None = None
) -> BatchWriter:
    """Return the writer of one answer."""
    signature = route.signature
    assert signature is not None  # noqa: S101 - a route without one does not serve
    if wanted.format == "json":
        shape = wanted.shape_of(route.spec.batch)
        shape = "list" if shape == "by_id" and not has_ids else shape
        apart = wanted.explain is not None and wanted.shape is not None
        return JsonWriter(shape, errors=wanted.skip, explanations=apart, scratch=scratch)
    if wanted.format == "ndjson":
        return NdjsonWriter(table.id_name if route.spec.batch == "by_id" else None)
    response = route.spec.response if wanted.explain is None else without_explanation(route.spec.response)
    leaves: Sequence[Leaf] = leaves_of(signature, detail_template(signature, response) if wanted.detail else response)
    if wanted.explain is not None:
        leaves = explained_leaves(leaves, signature, wanted.explain, is_object=wanted.detail)
    if wanted.format == "xlsx":
        return XlsxWriter(table.names, leaves, errors=wanted.skip)
    if wanted.format == "csv":
        return CsvWriter(table.names, leaves, errors=wanted.skip)
    return ParquetWriter(table.names, table.types, leaves, errors=wanted.skip)


def one_row(route: Route, batch: Batch, answer: Any, wanted: Preferences) -> Response:
    """Return the answer to a single instance in a format other than JSON: a table or file of one row."""
    keys = None if batch.ids is None else [None if one is None else str(one) for one in batch.ids]
    validated = ValidatedChunk(Chunk(0, batch.size, instances=()), batch, keys=keys)
    table = InputTable(route, None, has_ids=keys is not None)
    writer = writer_for(replace(wanted, skip=False), route, table, has_ids=keys is not None)
    inputs: Any = table.columns(validated, writer.wants_inputs)
    ids: Any = keys
    body = writer.begin() + writer.rows(Answered([answer], {}, ids, inputs)) + writer.end()
    return Response(body, 200, content_type=writer.media_type)
