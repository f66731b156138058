"""What came with the request of a call, and where the work of reading it is done."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, ParamSpec, Protocol, TypeVar

from flask import request

from gateway.rest.offload import BODY_BYTES, Offload
from gateway.rest.predict.body import Body, read_body
from gateway.rest.predict.spool import scratch, spool_body
from gateway.rest.predict.steps.admit import admit
from gateway.routing.routes import Route

P = ParamSpec("P")
T = TypeVar("T")


class Caller(Protocol):
    """Ask for the work of reading a request: a call, or a check."""

    route: Route
    environ: dict[str, Any]
    offload: Offload
    size: int

    @property
    def deadline(self) -> float:
        """Return when it must have begun, as time.monotonic()."""
        ...

    @property
    def client_deadline(self) -> float:
        """Return when the client gives up, as time.monotonic()."""
        ...


class Intake:
    """Hold the request of one call, as its dialect reads it."""

    __slots__ = ("_call", "environ", "media", "route")

    def __init__(self, call: Caller) -> None:
        self._call = call
        self.route: Route = call.route
        self.environ: dict[str, Any] = call.environ
        kind: str = self.environ.get("CONTENT_TYPE", "")
        #: The media type without its parameters, in lower case; what nearly everybody sends is not worth parsing.
        self.media = kind if kind == "application/json" else request.mimetype

    @property
    def media_options(self) -> Mapping[str, str]:
        """Return the parameters of the media type."""
        return request.mimetype_params

    @property
    def scratch(self) -> Path | None:
        """Return the folder of temporary files."""
        return scratch()

    def body(self) -> Body:
        """Read the body into memory; raises RequestError, OverloadError."""
        body = read_body(self.environ)
        self._call.size = len(body.content)
        return body

    def spool(self) -> tuple[IO[bytes], int]:
        """Read the body into a file, which moves to disk when it grows; return it and its size."""
        file, self._call.size = spool_body()
        return file, self._call.size

    def work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Decode and validate a body: in the event loop where it is short, else in a native thread."""
        if self._call.size <= BODY_BYTES:
            return work(*args, **kwargs)
        return self.in_thread(work, *args, **kwargs)

    def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work in a native thread, which holds a slot of the route: its large bodies take no more than its share."""
        call = self._call
        with admit(call, call.deadline):
            return call.offload.in_thread(partial(work, *args, **kwargs), call.client_deadline)
