"""Run functions at the same time as greenlets of one loop, as a worker does, or as plain threads, as tools do."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import gevent

Mode = Literal["greenlets", "threads"]
MODES: tuple[Mode, ...] = ("greenlets", "threads")


def together(mode: Mode, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Return what each call returned, or the exception it raised."""
    return _greenlets(calls) if mode == "greenlets" else _threads(calls)


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


def _threads(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    outcomes: list[Any] = [None] * len(calls)

    def run(position: int) -> None:
        outcomes[position] = _outcome(calls[position])

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _greenlets(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Use a thread of its own: a hub stays with its thread, and other tests must not find one."""
    outcomes: list[Any] = []

    def run() -> None:
        hub = gevent.get_hub()
        greenlets = [gevent.spawn(_outcome, call) for call in calls]
        gevent.joinall(greenlets)
        outcomes.extend(greenlet.value for greenlet in greenlets)
        hub.destroy(destroy_loop=True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcomes


def wait(mode: Mode, happens: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait beside the others until `happens()` is true; fails after `timeout_s`."""
    ends = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < ends, "it did not happen"
        nap(mode, 0.001)


def nap(mode: Mode, seconds: float) -> None:
    """Sleep as a request does that waits for something else."""
    if mode == "greenlets":
        gevent.sleep(seconds)
    else:
        threading.Event().wait(seconds)
