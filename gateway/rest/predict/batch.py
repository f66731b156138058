"""
Answer a batch: check all of it, then predict and send it chunk by chunk with bounded memory.

What was checked is kept for the answer as far as the worker has room (chunk_cache.py); a body beyond that is parsed
twice, once to check it whole and once to answer, so that only one chunk of it is ever in memory. A slot of the route is
held for the check and for each chunk, not while a client reads.
"""

import contextlib
import dataclasses
import functools
import logging
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.codecs import xlsx_writer
from gateway.codecs.chunks import MAX_FAULTS, Answered, BatchWriter, Chunk
from gateway.errors import Fault, GatewayError, InputError
from gateway.rest.errors import fault_json
from gateway.rest.predict.chunk_cache import ChunkCache
from gateway.rest.predict.chunk_validation import ChunkValidator, ValidatedChunk
from gateway.rest.predict.dialect import Chunks
from gateway.rest.predict.explaining import rows_at_once
from gateway.rest.predict.negotiate import TABLES
from gateway.rest.predict.spool import scratch
from gateway.rest.predict.steps.admit import admit
from gateway.rest.predict.steps.choose_variant import choose_variant
from gateway.rest.predict.steps.limit import charge_rows
from gateway.rest.predict.steps.predict import predict, wait_for_explainer
from gateway.rest.predict.tables import InputTable, writer_for
from gateway.rest.responses import mark
from gateway.schema import Predictions

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call

log = logging.getLogger("gateway.batch")

Validated: TypeAlias = Generator[ValidatedChunk]


class BatchRun:
    """Carry one batch through its two passes; used by one call, whose steps it walks for every chunk."""

    def __init__(self, call: "Call", chunks: Chunks) -> None:
        route = call.route
        contract = route.must_serve()
        self._call, self._route, self._validator = call, route, contract.validator
        self._source, self._preferences, self._answering = chunks.source, chunks.preferences, chunks.answering
        rows = rows_at_once(route) if call.dialect.explains else contract.limits.chunk_rows
        self._limits = dataclasses.replace(contract.limits, scratch=scratch(), chunk_rows=rows)
        self._kept = ChunkCache(inputs=self._preferences.format in TABLES)
        self._first: Chunk | None = None
        self._has_ids = False
        self._ignored: Sequence[str] = ()
        self._invalid: Counter[str] = Counter()

    def respond(self) -> Response:
        """Return the answer, streamed if it has more than one chunk; faults up to the first chunk are raised."""
        try:
            wait_for_explainer(self._call, self._call.next_deadline())
            response = self._begun()
        except BaseException:
            self._source.close()
            raise
        if self._call.predict_s is None:
            self._call.predict_s = 0.0  # every row of the first chunk was refused
        mark(response, self._route.version, self._ignored, self._invalid)
        if applied := self._preferences.applied:
            response.headers["Preference-Applied"] = applied
        response.headers["X-Row-Count"] = str(self._call.rows)
        if self._preferences.format in TABLES:
            name = f"{self._route.name}.{self._preferences.format}"
            response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _begun(self) -> Response:
        """Check the whole batch and answer its first chunk, within one slot."""
        call = self._call
        with admit(call, call.next_deadline()):
            self._source.take_seat(call.next_deadline())
            self._check()
            charge_rows(call.principal, self._route, call.rows)
            choose_variant(call)
            if self._kept.is_whole:
                self._source.leave_seat()
            table = InputTable(self._route, self._first, has_ids=self._has_ids)
            writer = writer_for(
                self._preferences, self._route, table, has_ids=self._has_ids, scratch=self._limits.scratch
            )
            chunks = self._second_pass()
            head = writer.begin()
            size, piece = self._next_piece(chunks, writer, table)
            head += piece
        if size < call.rows:
            return Response(self._stream(head, size, chunks, writer, table), 200, content_type=writer.media_type)
        self._source.close()
        return Response(head + writer.end(), 200, content_type=writer.media_type)

    def _check(self) -> None:
        """Validate the whole batch; raises InputError with the first 100 faults of all rows and their number."""
        validator = self._chunk_validator()
        faults: list[Fault] = []
        rows = total = 0
        with contextlib.closing(self._source.read(self._limits)) as chunks:
            while (validated := self._call.offload.in_thread(functools.partial(_step, chunks, validator))) is not None:
                if self._first is None:
                    self._first = _head_of(validated.chunk)
                rows += validated.chunk.size
                self._note(validated)
                if self._preferences.format == "xlsx":
                    xlsx_writer.check_rows(rows)
                    xlsx_writer.check_texts(validated.chunk.columns or _texts_of(validated))
                faults += validated.faults[: MAX_FAULTS - len(faults)]
                total += validated.total
                if total:
                    self._kept.drop()
                else:
                    self._kept.add(validated)
        self._has_ids = validator.has_ids
        if total:
            raise InputError(faults, total=total)
        self._call.rows = rows

    def _note(self, validated: ValidatedChunk) -> None:
        """
        Note the values that became missing ones, and the names that belong to no field.

        The header of a table says the same in every chunk, rows may not.
        """
        self._invalid.update(validated.batch.invalid or {})
        found = validated.batch.ignored
        if validated.chunk.instances is None:
            self._ignored = max(self._ignored, found, key=len)
        elif found:
            self._ignored = tuple(dict.fromkeys((*self._ignored, *found)))

    def _chunk_validator(self) -> ChunkValidator:
        spec = self._route.spec
        return ChunkValidator(
            self._validator,
            spec.id_fields,
            skip=self._preferences.skip,
            unique_ids=self._preferences.shape_of(spec.batch) == "by_id" and bool(spec.id_fields),
        )

    def _second_pass(self) -> Validated:
        if self._kept.is_whole:
            while (validated := self._kept.take()) is not None:
                yield validated
            return
        validator = self._chunk_validator()
        for chunk in self._source.read(self._limits):
            yield validator(chunk)

    def _next_piece(self, chunks: Validated, writer: BatchWriter, table: InputTable) -> tuple[int, bytes]:
        """Predict the next chunk; return its number of rows and its bytes."""
        call = self._call
        validated = call.offload.in_thread(functools.partial(next, chunks))
        predictions = None
        if validated.batch.size:
            predictions = predict(call, validated.batch, call.next_deadline())
        written = functools.partial(self._write, validated, predictions, writer, table)
        return validated.chunk.size, call.offload.in_thread(written)

    def _write(
        self, validated: ValidatedChunk, predictions: Predictions | None, writer: BatchWriter, table: InputTable
    ) -> bytes:
        answers: list[Any] = []
        if predictions is not None:
            context = AnswerContext(self._route.name, self._route.version, self._call.request_id)
            answers = self._answering(validated.batch, predictions, context)
        inputs: Any = table.columns(validated, writer.wants_inputs)
        errors = {row: fault_json(fault) for row, fault in validated.errors.items()}
        keys: Any = validated.keys
        return writer.rows(Answered(validated.spread(answers), errors, keys, inputs))

    def _stream(
        self, head: bytes, sent: int, chunks: Validated, writer: BatchWriter, table: InputTable
    ) -> Iterator[bytes]:
        """Yield the answer; an error in mid-stream is raised, which cuts the connection before the last chunk mark."""
        try:
            yield head
            while sent < self._call.rows:
                with admit(self._call, self._call.next_deadline(), resume=True):
                    size, piece = self._next_piece(chunks, writer, table)
                sent += size
                if piece:
                    yield piece
            yield writer.end()
        except Exception as error:
            known = error.message if isinstance(error, GatewayError) else type(error).__name__
            log.error(
                "batch cut off",
                exc_info=error,
                extra={
                    "request_id": self._call.request_id,
                    "route": self._route.spec.path,
                    "reason": known,
                    "rows": sent,
                },
            )
            raise
        finally:
            chunks.close()
            self._source.close()


def _texts_of(validated: ValidatedChunk) -> list[list[Any]]:
    """Return the columns of texts of rows that were no table."""
    return [column.tolist() for column in validated.batch.columns if column.dtype == object]


def _head_of(chunk: Chunk) -> Chunk:
    """Return what the answer needs of the first chunk: how its columns or members are called."""
    return Chunk(0, 0, chunk.names, instances=None if chunk.instances is None else chunk.instances[:1])


def _step(chunks: Iterator[Chunk], validator: ChunkValidator) -> ValidatedChunk | None:
    """Parse and validate the next chunk; None after the last."""
    chunk = next(chunks, None)
    return None if chunk is None else validator(chunk)
