"""
Wait for another thread without stopping the event loop: one primitive for greenlets and for plain threads.

In a worker every request is a greenlet of one native thread; in the command line and in tests it is a native thread.
"""

import threading
from typing import Any

import gevent
from gevent import _hub_local
from gevent.event import Event as GreenEvent


class Baton:
    """
    Let one waiter sleep until some other thread or greenlet calls `pass_on`.

    Made by the waiter, used once. `pass_on` may come from any native thread, before or during `wait`.
    """

    __slots__ = ("_event", "_loop_call")

    def __init__(self) -> None:
        hub: Any = _hub_local.get_hub_if_exists()
        if hub is None:
            self._event: Any = threading.Event()
            self._loop_call = None
        else:
            self._event = GreenEvent()
            # The only call of libev that other threads may make: it wakes the loop, which then sets the event.
            self._loop_call = hub.loop.async_()
            self._loop_call.start(self._event.set)

    def pass_on(self) -> None:
        """Wake the waiter."""
        loop_call = self._loop_call
        if loop_call is None:
            self._event.set()
        else:
            loop_call.send_ignoring_arg(None)

    def wait(self, timeout_s: float | None) -> bool:
        """Return True once passed on, False when `timeout_s` went by first."""
        try:
            return bool(self._event.wait(timeout_s))
        finally:
            if self._loop_call is not None:
                self._loop_call.stop()
                self._loop_call.close()
                self._loop_call = None


def pause() -> None:
    """Let other greenlets of this thread run; nothing to do for plain threads."""
    if _hub_local.get_hub_if_exists() is not None:
        gevent.sleep(0)
