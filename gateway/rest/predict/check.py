"""
POST <route>/check: reads a body as its route would and tells what the route would say of it, without its model.

A check is authorised and charged like every endpoint. It holds no slot of the route, and is not among its requests.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from flask import Response, request

from gateway.codecs.base import Decoded
from gateway.codecs.child_reader import IsolatedReader
from gateway.codecs.csv import CsvReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.errors import Fault, GatewayError, InputError, OptionError
from gateway.rest.api import Endpoint, generation_of_request
from gateway.rest.errors import RequestError
from gateway.rest.offload import Offload
from gateway.rest.predict import check_slots
from gateway.rest.predict.body import Body
from gateway.rest.predict.check_report import CheckReport
from gateway.rest.predict.deadline import client_timeout_s
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.native_reading import NativeReading
from gateway.rest.predict.sources import BatchSource, json_source
from gateway.rest.predict.steps.resolve import route_at
from gateway.rest.responses import json_response, mark
from gateway.routing.routes import Route
from gateway.validation import Source

P = ParamSpec("P")
T = TypeVar("T")

_BOOLEANS: Final = {"": True, "true": True, "1": True, "false": False, "0": False}


class Check(Endpoint):
    """Answer POST <route>/check."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def route_of(self, path: str) -> Route:
        """Return the route at the path before /check; raises RequestError 404."""
        return route_at(path, generation_of_request())

    def post(self, path: str) -> Response:
        """Report columns, rows and faults of whatever body the route takes."""
        return Checking(self.route_of(path), self._offload).answer()


class Checking(NativeReading[None]):
    """Check the body of one request: the steps of a call up to its validation."""

    __slots__ = ("_is_head", "_offload", "_report", "_steps", "environ", "kind", "offload", "route", "size")

    def __init__(self, route: Route, offload: Offload) -> None:
        self.route, self.offload = route, offload
        self.environ: dict[str, Any] = request._get_current_object().environ  # type: ignore[attr-defined]  # as in Call
        self.size = self._steps = 0
        self.kind = "json"

    def answer(self) -> Response:
        """Return the report; raises what the route would raise for a body that cannot be read at all."""
        metrics = self.route.counters.metrics
        try:
            contract = self.route.must_serve()
            self._is_head = _is_true(request.args.get("_head", "false"), "query._head")
            self._report = CheckReport(
                contract,
                self.route.spec.id_fields,
                unique_ids=self.route.spec.batch == "by_id",
                shows_values=generation_of_request().snapshot.registry.server.errors != "redacted",
            )
            self._read(CheckIntake(self), contract)
        except GatewayError:
            metrics.check("refused")
            raise
        found = self._report.json()
        metrics.check("ok" if found["ok"] else "faults")
        told = {"route": self.route.spec.path, "format": self.kind, "rows": self._report.rows}
        response = json_response(told | {"complete": not self._is_head} | found)
        mark(response, self.route.version, ())
        return response

    @property
    def deadline(self) -> float:
        """Return when the next step must have begun, as time.monotonic()."""
        now = time.monotonic()
        return now + min(client_timeout_s(self.environ), self.route.spec.timeout_s)

    @property
    def client_deadline(self) -> float:
        """Return the same: a step that has begun ends by itself."""
        return self.deadline

    def in_slot(self, work: Callable[[], T]) -> T:
        """Do one step in a native thread, when it is the turn of this check."""
        with check_slots.step(self.deadline, resume=self._steps > 0):
            self._must_be_awaited()
            self._steps += 1
            return self.offload.in_thread(work)

    def _must_be_awaited(self) -> None:
        """Raise RequestError where the client has gone: a page sends a check for each file that somebody tries."""
        client = self.environ.get("gunicorn.socket")
        if client is not None and client.has_ended:
            raise RequestError("the client closed the connection before its check was done", code="body-cut")

    def _one(self, sources: Sequence[Source]) -> None:
        self._refuse_head()
        self.kind = "form" if any(source.kind == "form" and source.values for source in sources) else "query"
        values = {name: value for source in reversed(sources) for name, value in source.values.items()}
        self._single(list(values), list(values.values()), lambda: self._contract.validator.instance(sources))

    def _line(self, decoded: Decoded) -> None:
        self._refuse_head()
        names, values = self._contract.codec.order, decoded.instances[0]
        self._single(names, values, lambda: self._contract.validate(decoded))

    def _decoded(self, body: Body, route: Route) -> None:
        self._refuse_head()
        decoded = body.decode(self._contract)
        if not decoded.single:
            self._contract.limits.check(len(decoded.instances), in_all=True)
            for chunk in json_source(decoded).read(self._contract.limits):
                self._report.add(chunk)
            return
        one = decoded.instances[0]
        if isinstance(one, dict) and not decoded.text:
            sources = [Source("json", one, path=decoded.at), self._query]
            self._single(list(one), list(one.values()), lambda: self._contract.validator.instance(sources))
        else:
            named = isinstance(one, dict)
            names = list(one) if named else self._contract.codec.order
            values = list(one.values()) if named else one if isinstance(one, list) else [one]
            self._single(names, values, lambda: self._contract.validate(decoded))

    def _batch(self, source: BatchSource) -> None:
        with contextlib.closing(source), contextlib.ExitStack() as stack:
            if "_head" in source.options:
                self._is_head = _is_true(str(source.options["_head"]), "form._head")
            self.kind = source.kind
            if self._is_head:
                self._cut(source)
            if isinstance(source.reader, IsolatedReader):
                stack.enter_context(check_slots.file(self.deadline))
                source.take_seat(self.deadline)
            chunks = stack.enter_context(contextlib.closing(source.read(self._contract.limits)))
            try:
                while self.in_slot(partial(self._next, chunks)):
                    pass
            except InputError as error:
                raise self._explained(error) from None

    def _next(self, chunks: Any) -> bool:
        """Check the next chunk; False after the last."""
        chunk = next(chunks, None)
        if chunk is not None:
            self._report.add(chunk)
        return chunk is not None

    def _single(self, names: Sequence[str], values: Sequence[Any], validate: Callable[[], Any]) -> None:
        """Report one instance."""
        self._report.begin(names, values)
        self._report.rows = 1
        try:
            validate()
        except InputError as error:
            if isinstance(error, OptionError):
                raise
            self._report.refuse(error)

    def _cut(self, source: BatchSource) -> None:
        """Leave out the last line of the beginning of a file, which its end may have cut."""
        reader, body = source.reader, source.body
        if not isinstance(reader, CsvReader | NdjsonReader):
            raise _no_head()
        body.seek(0)
        body.truncate(reader.whole_lines(body.read()))

    def _refuse_head(self) -> None:
        if self._is_head:
            raise _no_head()

    def _explained(self, error: InputError) -> InputError:
        """Return an error about a beginning of a file that holds no whole row as one that says so."""
        if not self._is_head or error.faults[0].code not in ("empty-batch", "empty-body"):
            return error
        fault = Fault("$", "empty-batch", "this beginning of the file holds no whole row", "a header and a row")
        return InputError([fault], hint="send more of the file, or the whole file without _head")


class CheckIntake(Intake):
    """Hold the request of one check: its work takes slots of checks, and none of the route."""

    __slots__ = ("_checking",)

    def __init__(self, checking: Checking) -> None:
        super().__init__(checking)
        self._checking = checking

    def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work in a native thread."""
        return self._checking.in_slot(partial(work, *args, **kwargs))


def _no_head() -> OptionError:
    message = "only the beginning of a CSV or of NDJSON can be checked"
    return OptionError([Fault("query._head", "option", message, "no _head", hint="send the whole body")])


def _is_true(text: str, at: str) -> bool:
    found = _BOOLEANS.get(text.strip().lower())
    if found is None:
        raise OptionError([Fault(at, "option", f"{text[:40]!r} is neither true nor false", ["true", "false"])])
    return found
