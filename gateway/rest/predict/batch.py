"""
Answer a batch: check all of it, then predict and send it chunk by chunk with bounded memory.

What was checked is kept for the answer as far as the worker has room (chunk_cache.py); a body beyond that is parsed
twice, once to check it whole and once to answer, so that only one chunk of it is ever in memory. A slot of the route is
held for the check and for each chunk, not while a client reads.
"""

import contextlib
import functools
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from flask import Response, request

from gateway.answers.answer import AnswerContext
from gateway.codecs.chunks import MAX_FAULTS, Answered, BatchWriter, Chunk, ReadLimits
from gateway.errors import Fault, GatewayError, InputError
from gateway.rest.errors import fault_json
from gateway.rest.predict.calls import context_of
from gateway.rest.predict.chunk_cache import ChunkCache
from gateway.rest.predict.chunk_validation import ChunkValidator, ValidatedChunk
from gateway.rest.predict.negotiate import Preferences
from gateway.rest.predict.reading import deadline_of
from gateway.rest.predict.responses import columns_ignored
from gateway.rest.predict.sources import BatchSource
from gateway.rest.predict.spool import scratch
from gateway.rest.predict.tables import InputTable, writer_for
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.validation import Validator

log = logging.getLogger("gateway.batch")

#: Turns predictions into one JSON value per row.
Answering: TypeAlias = Callable[[Batch, Predictions, AnswerContext], list[Any]]
Validated: TypeAlias = Generator[ValidatedChunk]


class BatchRun:
    """
    Carry one batch through its two passes.

    Used by one request. `until` is when the client gives up, as time.monotonic(); each chunk has the route's
    `timeout_s` besides.
    """

    def __init__(
        self,
        route: Route,
        validator: Validator,
        answer: Answering,
        source: BatchSource,
        *,
        wanted: Preferences,
        context: AnswerContext,
        until: float = math.inf,
        scratch: Path | None = None,
    ) -> None:
        self._route, self._validator, self._answer = route, validator, answer
        self._source, self._wanted, self._context = source, wanted, context
        self._until = until
        self._limits = ReadLimits(max_rows=route.spec.max_rows, scratch=scratch)
        self._kept = ChunkCache(inputs=wanted.format in ("csv", "parquet"))
        self._first: Chunk | None = None
        self._has_ids = False
        self._ignored: Sequence[str] = ()
        self.rows = 0
        self.predict_s = 0.0

    def respond(self) -> Response:
        """Return the answer, streamed if it has more than one chunk; faults up to the first chunk are raised."""
        route = self._route
        with route.admit(self._deadline()):
            self._source.take_seat(self._deadline())
            self._check()
            if self._kept.is_whole:
                self._source.leave_seat()
            table = InputTable(route, self._first, has_ids=self._has_ids)
            writer = writer_for(self._wanted, route, table, has_ids=self._has_ids, scratch=self._limits.scratch)
            chunks = self._second_pass()
            size, piece = self._next_piece(chunks, writer, table)
            head = writer.begin() + piece
        if size >= self.rows:
            self._source.close()
            response = Response(head + writer.end(), 200, content_type=writer.media_type)
        else:
            response = Response(self._stream(head, size, chunks, writer, table), 200, content_type=writer.media_type)
        response.headers["X-Model-Version"] = route.version
        response.headers.extend(columns_ignored(self._ignored))
        if self._wanted.skip:
            response.headers["Preference-Applied"] = "on-error=skip"
        if self._wanted.format in ("csv", "parquet"):
            response.headers["Content-Disposition"] = f'attachment; filename="{route.name}.{self._wanted.format}"'
        return response

    def _check(self) -> None:
        """Validate the whole batch; raises InputError with the first 100 faults of all rows and their number."""
        validator = self._chunk_validator()
        faults: list[Fault] = []
        total = 0
        with contextlib.closing(self._source.read(self._limits)) as chunks:
            while (validated := self._route.run(functools.partial(_step, chunks, validator))) is not None:
                if self._first is None:
                    self._first = _head_of(validated.chunk)
                self.rows += validated.chunk.size
                self._note_ignored(validated)
                faults += validated.faults[: MAX_FAULTS - len(faults)]
                total += validated.total
                if total:
                    self._kept.drop()
                else:
                    self._kept.add(validated)
        self._has_ids = validator.has_ids
        if total:
            raise InputError(faults, total=total)

    def _note_ignored(self, validated: ValidatedChunk) -> None:
        """Note the names that belong to no field: the header of a table says the same in every chunk, rows may not."""
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
            skip=self._wanted.skip,
            unique_ids=self._wanted.shape_of(spec.batch) == "by_id" and bool(spec.id_fields),
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
        validated = self._route.run(functools.partial(next, chunks))
        predictions = None
        if validated.batch.size:
            started = time.perf_counter()
            predictions = self._route.predict_admitted(validated.batch, self._deadline())
            self.predict_s += time.perf_counter() - started
        written = functools.partial(self._write, validated, predictions, writer, table)
        return validated.chunk.size, self._route.run(written)

    def _write(
        self, validated: ValidatedChunk, predictions: Predictions | None, writer: BatchWriter, table: InputTable
    ) -> bytes:
        answers = [] if predictions is None else self._answer(validated.batch, predictions, self._context)
        inputs: Any = table.columns(validated, typed=writer.wants_inputs == "typed") if writer.wants_inputs else ()
        errors = {row: fault_json(fault) for row, fault in validated.errors.items()}
        keys: Any = validated.keys
        return writer.rows(Answered(validated.spread(answers), errors, keys, inputs))

    def _stream(
        self, head: bytes, sent: int, chunks: Validated, writer: BatchWriter, table: InputTable
    ) -> Iterator[bytes]:
        """Yield the answer; an error in mid-stream is raised, which cuts the connection before the last chunk mark."""
        try:
            yield head
            while sent < self.rows:
                with self._route.admit(self._deadline(), resume=True):
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
                    "request_id": self._context.request_id,
                    "route": self._route.spec.path,
                    "reason": known,
                    "rows": sent,
                },
            )
            raise
        finally:
            chunks.close()
            self._source.close()

    def _deadline(self) -> float:
        return min(self._until, time.monotonic() + self._route.spec.timeout_s)


def _head_of(chunk: Chunk) -> Chunk:
    """Return what the answer needs of the first chunk: how its columns or members are called."""
    return Chunk(0, 0, chunk.names, instances=None if chunk.instances is None else chunk.instances[:1])


def _step(chunks: Iterator[Chunk], validator: ChunkValidator) -> ValidatedChunk | None:
    """Parse and validate the next chunk; None after the last."""
    chunk = next(chunks, None)
    return None if chunk is None else validator(chunk)


def answer_batch(
    route: Route, validator: Validator, answer: Answering, source: BatchSource, wanted: Preferences
) -> Response:
    """Answer the batch of the current request, and note its rows and its time."""
    environ = request.environ
    run = BatchRun(
        route,
        validator,
        answer,
        source,
        wanted=wanted,
        context=context_of(route, environ),
        until=deadline_of(math.inf, environ),
        scratch=scratch(),
    )
    try:
        response = run.respond()
    except BaseException:
        source.close()
        raise
    environ["gateway.rows"] = run.rows
    environ["gateway.predict_s"] = run.predict_s
    return response


def one_answer(route: Route, batch: Batch, answer: Any, wanted: Preferences) -> Response:
    """Return the answer to a single instance in a format other than JSON: a table or file of one row."""
    chunk = Chunk(0, batch.size, instances=())
    keys = None if batch.ids is None else [None if one is None else str(one) for one in batch.ids]
    validated = ValidatedChunk(chunk, batch, keys=keys)
    table = InputTable(route, None, has_ids=keys is not None)
    writer = writer_for(Preferences(wanted.format), route, table, has_ids=keys is not None)
    inputs: Any = table.columns(validated, typed=writer.wants_inputs == "typed") if writer.wants_inputs else ()
    ids: Any = keys
    body = writer.begin() + writer.rows(Answered([answer], {}, ids, inputs)) + writer.end()
    headers = [("X-Model-Version", route.version), *columns_ignored(batch.ignored)]
    return Response(body, 200, content_type=writer.media_type, headers=headers)
