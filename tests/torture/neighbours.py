"""What a bad neighbour does to the others: its load, and the p99 of a good route with and without it, interleaved."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from torture.load import Request
from torture.offered import Offered, median, quantile_ms

#: Below this a p99 on a shared machine says more about the machine than about the gateway.
FLOOR_MS = 10.0


def p99_ms(port: int, request: Request, seconds: float) -> float:
    """Return the p99 of four clients that ask now and then."""
    outcome = Offered(port, request, seconds=seconds, clients=4, pause_s=0.005).run()
    assert not outcome.broken and not outcome.refused and not outcome.late, outcome.codes
    return quantile_ms(outcome.accepted, 0.99)


def slowdown(
    port: int,
    request: Request,
    neighbour: Callable[[], AbstractContextManager[object]],
    *,
    rounds: int,
    seconds: float,
) -> float:
    """Return the p99 beside the neighbour over the p99 without, each the median of interleaved rounds."""
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(p99_ms(port, request, seconds))
        with neighbour():
            time.sleep(0.3)
            beside.append(p99_ms(port, request, seconds))
    ratio = max(median(beside), FLOOR_MS) / max(median(alone), FLOOR_MS)
    print(f"p99 alone {median(alone):.1f} ms, beside {median(beside):.1f} ms: {ratio:.2f}")
    return ratio


@contextlib.contextmanager
def tricklers(port: int, request: Request, count: int) -> Iterator[None]:
    """Hold `count` connections that send a request at one byte a second each."""
    data, stop = request.head(keep=True), threading.Event()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]

    def drip() -> None:
        position = 0
        while not stop.wait(1.0) and position < len(data):
            for one in sockets:
                with contextlib.suppress(OSError):
                    one.send(data[position : position + 1])
            position += 1

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for one in sockets:
            one.close()
