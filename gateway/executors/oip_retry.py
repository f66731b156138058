"""
When a request is sent again, and when not; predicting twice harms nobody, as predicts have no effects.

What was not sent goes to the next server at once, and to the same ones until the deadline. What was sent and lost is
sent once more: a row that ends its process must not end it for ever. What took too long is never sent again, since it
would load a slow server most when it is slowest.
"""

import time
from collections.abc import Callable
from typing import Final

from gateway.errors import DeadlineError, GatewayError
from gateway.executors.client_options import ClientOptions
from gateway.executors.http_answer import Answer, BrokenError, LateError, LostError, NotSentError
from gateway.executors.oip_refusals import (
    BrokenAnswer,
    Refusal,
    StartingError,
    absent,
    lost_twice,
    refusal_of,
    unavailable,
)
from gateway.executors.server_choice import Server, Servers

_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.2
#: A process that is killed loses its connections before its socket closes: what is sent in between is lost, too.
_ENDING_S: Final = 0.1
#: Time that the caller needs to tell that none answered.
_MARGIN_S: Final = 0.005


class Tries:
    """Hold the tries of one request, which may already have been sent and lost."""

    def __init__(self, servers: Servers, deadline: float, options: ClientOptions, *, was_lost: bool) -> None:
        self._servers = servers
        self._deadline = deadline
        self._what = options.what
        self._options = options
        self._tried: set[Server] = set()
        #: Servers of which no process listened when they were last tried.
        self._absent: set[Server] = set()
        self._lost = was_lost
        self._pause_s = _FIRST_PAUSE_S
        #: Why the last try failed that had time to.
        self._error: GatewayError | None = None

    def ask(self, send: Callable[[Server], Answer]) -> Answer:
        """Return the answer that decides: predictions, or what is wrong with these rows; raises GatewayError."""
        try:
            return self._ask(send)
        except StartingError as error:
            error.was_lost = self._lost
            raise

    def _ask(self, send: Callable[[Server], Answer]) -> Answer:
        while True:
            server = self._next()
            self._tried.add(server)
            try:
                answer = send(server)
            except NotSentError as error:
                self._not_sent(server, error)
            except LostError as error:
                self._once_more(server, error)
            except LateError as error:
                server.failed("it did not answer within the deadline of a call")
                raise DeadlineError(f"the deadline passed while {self._what} predicted") from error
            except BrokenError as error:
                raise BrokenAnswer(f"{self._what}: {error}") from error
            else:
                refusal = refusal_of(answer)
                if refusal is None or refusal.is_final:
                    server.answered()
                    return answer
                self._refused(server, refusal)

    def _next(self) -> Server:
        server = self._servers.choose(self._tried)
        if server is not None:
            return server
        if self._options.is_supervised and len(self._absent) == len(self._servers.all):
            raise absent(self._what)
        if time.monotonic() + self._pause_s > self._deadline - _MARGIN_S:
            raise self._error or unavailable(self._what, "no server is known")
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self._tried.clear()
        return self._next()

    def _not_sent(self, server: Server, error: NotSentError) -> None:
        if error.is_absent:
            self._absent.add(server)
        else:
            self._absent.discard(server)
        if error.is_busy:
            self._error = Refusal("busy", str(error)).error(self._what)
            return
        server.failed(str(error))
        if self._error is None or time.monotonic() < self._deadline - _MARGIN_S:
            self._error = unavailable(self._what, str(error))

    def _once_more(self, server: Server, error: LostError) -> None:
        server.failed(str(error))
        if self._lost:
            is_own = self._options.is_supervised
            raise (lost_twice(self._what) if is_own else unavailable(self._what, f"{error}, twice")) from error
        self._lost = True
        if len(self._tried) == len(self._servers.all):
            self._tried.discard(server)
            if self._options.is_supervised:
                time.sleep(max(min(_ENDING_S, self._deadline - _MARGIN_S - time.monotonic()), 0.0))
        self._error = unavailable(self._what, str(error))

    def _refused(self, server: Server, refusal: Refusal) -> None:
        self._absent.discard(server)
        self._error = refusal.error(self._what)
        if refusal.kind == "away":
            server.failed(refusal.reason)
        if self._waits_here(refusal) or len(self._tried) < len(self._servers.all):
            return
        raise self._error

    def _waits_here(self, refusal: Refusal) -> bool:
        """Say whether a server that refuses is asked again; for one that starts, the caller waits without a thread."""
        is_starting = refusal.kind == "starting" and self._options.is_supervised
        return self._options.waits_when_busy and not is_starting
