"""Accept connections, but leave one to a sibling that has fewer; knows counts, no worker."""

from collections.abc import Callable
from typing import Any

from gevent.server import StreamServer

#: An idle worker wakes first and so would take 7 of 8 connections; a sibling that lives answers within this time.
PATIENCE_S = 0.004
STEP_S = 0.001


class BalancedServer(StreamServer):  # type: ignore[misc]  # gevent has no types
    """
    Serve one listener; `has_idler_sibling` says whether another worker has fewer connections than this one.

    A sibling that is dead or busy costs a connection PATIENCE_S at most: then this worker accepts it after all.
    """

    def __init__(self, listener: Any, has_idler_sibling: Callable[[], bool], **options: Any) -> None:
        super().__init__(listener, **options)
        # One connection a wake-up: 100, gevent's default, would give one worker nearly all of a burst.
        self.max_accept = 1
        self._has_idler_sibling = has_idler_sibling
        self._waited_s = 0.0

    def _do_read(self) -> None:
        if self._waited_s < PATIENCE_S and self._has_idler_sibling():
            self._waited_s += STEP_S
            self.stop_accepting()
            self._timer = self.loop.timer(STEP_S)
            self._timer.start(self._start_accepting_if_started)
            return
        self._waited_s = 0.0
        super()._do_read()
