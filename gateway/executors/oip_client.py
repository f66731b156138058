"""
The client of servers that speak the Open Inference Protocol, for every executor that asks another process.

Blocks its thread and keeps its deadline to the millisecond; connects at the first question, so it may be made before a
fork and used after it.
"""

import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.errors import DeadlineError, GatewayError, LoadError, NotReadyError
from gateway.executors import oip_wire
from gateway.executors.batch_parts import in_parts
from gateway.executors.breaker import Breaker
from gateway.executors.client_options import ClientOptions
from gateway.executors.http_answer import Answer, ExchangeError, LateError, NotSentError
from gateway.executors.http_connection import Connection
from gateway.executors.http_request import Request
from gateway.executors.oip_refusals import BrokenAnswer, StartingError, away, refusal_of, unavailable
from gateway.executors.oip_retry import Tries
from gateway.executors.remote_predictions import RemotePredictions
from gateway.executors.server_choice import Server, Servers
from gateway.schema import Column
from gateway.system.server_address import Address

_HEADER_LENGTH: Final = b"inference-header-content-length"
_IDENTITY: Final = b"Accept-Encoding: identity\r\n"
_OK: Final = 200
#: An answer may have so many bytes for all, for each row, and as a whole.
_ANSWER_BYTES: Final = 4 * 2**20
_ROW_BYTES: Final = 64 * 1024
_MOST_ANSWER_BYTES: Final = 256 * 2**20
#: A server that failed is asked whether it is ready for at most this long, or a caller of others would wait for it.
_READY_S: Final = 0.25
#: A host that does not accept within this time is asked again, or another one is: well within a second.
_CONNECT_S: Final = 0.5
#: Work that has less time left is not begun.
_LEAST_S: Final = 0.001

_decode: Final = msgspec.json.Decoder().decode


class OipClient:
    """Ask one model of one or several servers; thread-safe. Deadlines are `time.monotonic()` values."""

    def __init__(self, addresses: Sequence[Address], model: str, options: ClientOptions | None = None) -> None:
        self.breaker = Breaker()
        self._options = options or ClientOptions()
        self._servers = Servers(addresses, self._is_ready)
        self._path = "/v2/models/" + quote(model, safe="")
        #: The processes that failed last: the breaker says nothing of those that are started after them.
        self._failed: tuple[tuple[int, int] | None, ...] = ()

    @property
    def away(self) -> dict[str, str]:
        """Return the addresses that are left out now, each with its reason."""
        return {server.address.text: server.reason for server in self._servers.all if server.reason}

    def close(self) -> None:
        """Close the idle connections; the client can be used again."""
        for server in self._servers.all:
            server.close()

    def metadata(self, deadline: float) -> dict[str, dict[str, Any]]:
        """Return by address what each server that answers tells of the model; raises NotReadyError if none does."""
        return self._documents(self._path, deadline)

    def extensions(self, deadline: float) -> frozenset[str]:
        """Return the extensions of the protocol that all servers have which answer."""
        told = [found.get("extensions") for found in self._documents("/v2", deadline).values()]
        return frozenset.intersection(*(frozenset(map(str, one or ())) for one in told))

    def ready(self, deadline: float) -> str:
        """Return "" where a server is ready for the model, else why none is."""
        for server in self._servers.all:
            if not (reason := self._unready(server, deadline)):
                return ""
        return reason

    def predict(
        self, columns: Sequence[Column], tensors: RemoteTensors, deadline: float, *, was_lost: bool = False
    ) -> RemotePredictions:
        """
        Predict one batch, which `was_lost` by a process that ended before.

        Raises InputError for values that the server does not take, DeadlineError, NotReadyError
        `executor-unavailable`, OverloadError, and PredictError where the model raised or answered nonsense.
        """
        most = self._options.max_rows
        if most:
            return in_parts(lambda part: self._predict(part, tensors, deadline, was_lost), columns, most)
        return self._predict(columns, tensors, deadline, was_lost)

    def _predict(
        self, columns: Sequence[Column], tensors: RemoteTensors, deadline: float, was_lost: bool
    ) -> RemotePredictions:
        if time.monotonic() >= deadline - _LEAST_S:
            raise DeadlineError("the deadline passed before the model could start")
        options = self._options
        body = oip_wire.encode(tensors, columns, binary=options.binary, texts_as_json=options.texts_as_json)
        if self.breaker.state != "closed" and self._options.is_supervised and self._processes() != self._failed:
            self.breaker.reset()
        call = self.breaker.admit()
        if call is None:
            raise unavailable(self._options.what, self._last_reason(), self.breaker.retry_after_s)
        began = time.monotonic()
        try:
            if call == "trial":
                self._must_be_ready(deadline)
            answer = self._asked(body, len(columns[0]), deadline, was_lost)
        except StartingError:
            self.breaker.undecided(call)
            raise
        except (NotReadyError, DeadlineError):
            self._failed = self._processes()
            self.breaker.failed(call)
            raise
        except GatewayError:
            self.breaker.undecided(call)
            raise
        asked_s = time.monotonic() - began
        self.breaker.succeeded(call)
        return self._predictions(answer, tensors, len(columns[0]), asked_s)

    def _processes(self) -> tuple[tuple[int, int] | None, ...]:
        """Return which processes are there, of servers that are started again."""
        return tuple(server.process for server in self._servers.all) if self._options.is_supervised else ()

    def _asked(self, body: tuple[bytes, list[bytes]], rows: int, deadline: float, was_lost: bool) -> Answer:
        head, raw = body
        lines = f"Content-Length: {len(head) + sum(map(len, raw))}\r\n"
        if raw:
            lines += f"Content-Type: application/octet-stream\r\nInference-Header-Content-Length: {len(head)}\r\n"
        else:
            lines += "Content-Type: application/json\r\n"
        most_bytes = min(_ANSWER_BYTES + rows * _ROW_BYTES, _MOST_ANSWER_BYTES)

        def send(server: Server) -> Answer:
            self._must_fit(server, deadline)
            target = f"POST {server.address.prefix}{self._path}/infer"
            return self._exchange(server, Request(target, lines, (head, *raw), most_bytes), deadline)

        return Tries(self._servers, deadline, self._options, was_lost=was_lost).ask(send)

    def _predictions(self, answer: Answer, tensors: RemoteTensors, rows: int, asked_s: float) -> RemotePredictions:
        refusal = refusal_of(answer)
        if refusal is not None:
            raise refusal.error(self._options.what)
        length = answer.headers.get(_HEADER_LENGTH)
        try:
            if length is not None and (not length.isdigit() or len(length) > len(str(_MOST_ANSWER_BYTES))):
                raise oip_wire.AnswerError("the length of its JSON cannot be read")
            found = oip_wire.decode(tensors, answer.body, None if length is None else int(length), rows)
        except oip_wire.AnswerError as error:
            raise BrokenAnswer(f"{self._options.what}: its answer cannot be used: {error}") from error
        return RemotePredictions(found.values, found.probabilities, found.each, remote_s=asked_s)

    def _must_be_ready(self, deadline: float) -> None:
        """Raise NotReadyError where no server is ready; a call that tries after failures must not cost its deadline."""
        if not any(self._is_ready(server) for server in self._servers.all):
            raise unavailable(self._options.what, self._last_reason())

    def _is_ready(self, server: Server) -> bool:
        reason = self._unready(server, time.monotonic() + _READY_S)
        if reason:
            server.failed(reason)
        return not reason

    def _unready(self, server: Server, deadline: float) -> str:
        try:
            refusal = refusal_of(self._get(server, f"{self._path}/ready", deadline))
        except ExchangeError as error:
            return str(error)
        return refusal.reason if refusal is not None else ""

    def _last_reason(self) -> str:
        return next((server.reason for server in self._servers.all if server.reason), "it failed several times")

    def _must_fit(self, server: Server, deadline: float) -> None:
        """Raise NotSentError where a server that was away came back with another model."""
        check = self._options.check
        if check is None or server.is_checked:
            return
        try:
            check(self._document(server, self._path, deadline))
        except GatewayError as error:
            raise NotSentError(error.message.removeprefix(away(self._options.what))) from error
        server.is_checked = True

    def _documents(self, path: str, deadline: float) -> dict[str, dict[str, Any]]:
        found, failure = {}, unavailable(self._options.what, "no server is known")
        for server in self._servers.all:
            try:
                found[server.address.text] = self._document(server, path, deadline)
            except NotReadyError as error:
                failure = error
        if not found:
            raise failure
        return found

    def _document(self, server: Server, path: str, deadline: float) -> dict[str, Any]:
        """Return a JSON object; raises NotReadyError, or LoadError where it is none."""
        try:
            answer = self._get(server, path, deadline)
        except ExchangeError as error:
            raise unavailable(self._options.what, str(error)) from error
        refusal = refusal_of(answer)
        if refusal is not None:
            raise unavailable(self._options.what, refusal.reason, refusal.retry_after_s)
        try:
            found = _decode(answer.body)
        except msgspec.MsgspecError:
            found = None
        if not isinstance(found, dict):
            raise LoadError(f"GET {path} of {self._options.what} is no JSON object", code="executor-protocol")
        return found

    def _get(self, server: Server, path: str, deadline: float) -> Answer:
        return self._exchange(server, Request(f"GET {server.address.prefix}{path}", "", (), _ANSWER_BYTES), deadline)

    def _exchange(self, server: Server, request: Request, deadline: float) -> Answer:
        """Send one request to one server; raises ExchangeError."""
        remaining_s = deadline - time.monotonic()
        if remaining_s < _LEAST_S:
            raise LateError("the deadline passed")
        head = (
            f"{request.target} HTTP/1.1\r\nHost: {server.address.authority}\r\n"
            f"X-Gateway-Timeout-Ms: {int(remaining_s * 1000)}\r\n{request.lines}"
        )
        connection, kept = server.begin(), None
        try:
            if connection is None:
                connection = Connection(server.address, deadline, _CONNECT_S, self._options.tls)
            own = self._options.headers
            whole = b"".join((head.encode(), _IDENTITY, own.lines if own is not None else b"", b"\r\n"))
            answer = connection.exchange(whole, request.body, deadline, request.most_bytes)
            kept = connection if connection.is_reusable else None
            return answer
        finally:
            server.end(kept)
            if kept is None and connection is not None:
                connection.close()
