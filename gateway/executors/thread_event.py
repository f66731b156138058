"""
Wait for another thread without stopping the event loop: one primitive for greenlets and for plain threads.

In a worker every request is a greenlet of one native thread; in the command line and in tests it is a native thread.
"""

import threading
from typing import Any

import gevent
from gevent import _hub_local
from gevent.hub import Waiter


class CrossThreadEvent:
    """
    Let one waiter sleep until some other thread or greenlet calls `pass_on`.

    Made by the waiter, used once. `pass_on` may come from any native thread, before or during `wait`.
    """

    __slots__ = ("_event", "_loop_call", "_waiter")

    def __init__(self) -> None:
        hub: Any = _hub_local.get_hub_if_exists()
        self._waiter: Any = None
        self._loop_call: Any = None
        if hub is None:
            self._event = threading.Event()
        else:
            self._waiter = Waiter(hub)
            # The only call of libev that other threads may make. It wakes the loop, which switches to the waiter before
            # anything else: a slot of a route stays empty until its last holder has noticed that its predict ended.
            self._loop_call = hub.loop.async_(priority=hub.loop.MAXPRI)
            self._loop_call.start(self._waiter.switch, True)

    def pass_on(self) -> None:
        """Wake the waiter; nothing happens where it has given up."""
        if self._waiter is None:
            self._event.set()
        elif (loop_call := self._loop_call) is not None:
            loop_call.send_ignoring_arg(None)

    def wait(self, timeout_s: float | None) -> bool:
        """Return True once passed on, False when `timeout_s` went by first."""
        if self._waiter is None:
            return self._event.wait(timeout_s)
        timer = None if timeout_s is None else self._waiter.hub.loop.timer(timeout_s)
        try:
            if timer is not None:
                # The loop takes its last turn for now: a deadline would come too early by what passed since then.
                timer.start(self._waiter.switch, False, update=True)
            return bool(self._waiter.get())
        finally:
            if timer is not None:
                timer.close()
            self._loop_call.close()
            self._loop_call = None


def sleep(seconds: float) -> None:
    """Wait; other greenlets of this thread go on."""
    CrossThreadEvent().wait(seconds)


def pause() -> None:
    """Let other greenlets of this thread run; nothing to do for plain threads."""
    if _hub_local.get_hub_if_exists() is not None:
        gevent.sleep(0)
