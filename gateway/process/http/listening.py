"""Accept connections, balanced over the workers: leave a connection to a sibling that has fewer."""

from collections.abc import Callable
from typing import Any

from gevent.server import StreamServer

from gateway.process.http.fair_admission import is_spent

#: Connections accepted in one turn of the loop at most; each is about 100 us of work.
BURST = 16
#: An idle worker wakes first and would take 7 of 8 connections; a live sibling accepts within this time.
PATIENCE_S = 0.004
STEP_S = 0.001


class BalancedServer(StreamServer):  # type: ignore[misc]  # gevent has no types
    """
    Serve one listener; `has_idler_sibling` says whether another worker has fewer connections than this one.

    A dead or busy sibling costs PATIENCE_S at most: then this worker accepts the connection after all.
    """

    def __init__(self, listener: Any, has_idler_sibling: Callable[[], bool], **options: Any) -> None:
        super().__init__(listener, **options)
        self.max_accept = BURST
        self._has_idler_sibling = has_idler_sibling
        self._waited_s = 0.0
        self._is_alone = False  # no sibling accepted within PATIENCE_S
        self._taken = 0

    def _do_read(self) -> None:
        if self._waited_s < PATIENCE_S and self._has_idler_sibling():
            self._waited_s += STEP_S
            self.stop_accepting()
            self._timer = self.loop.timer(STEP_S)
            self._timer.start(self._start_accepting_if_started)
            return
        self._is_alone = self._waited_s >= PATIENCE_S
        self._waited_s = 0.0
        self._taken = 0
        super()._do_read()

    def do_read(self) -> Any:
        """Accept one more connection of a burst; None if a sibling has fewer by now, or this turn is spent."""
        if self._taken and (is_spent(self.loop) or (not self._is_alone and self._has_idler_sibling())):
            return None
        accepted = super().do_read()
        self._taken += accepted is not None
        return accepted
