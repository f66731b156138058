"""Many share, one is alone, and whoever waits to be alone is not starved by those that share."""

import threading
import time

from gateway.h2o_server.shared_lock import SharedLock


def test_nobody_is_inside_beside_one_that_is_alone() -> None:
    """Eight threads share and four are alone, 200 times each: what is inside is counted."""
    inside: list[int] = []
    alone: list[int] = []
    faults: list[int] = []
    lock = SharedLock()

    def share() -> None:
        for _ in range(200):
            with lock.shared():
                inside.append(1)
                faults.extend(alone)
                inside.pop()

    def be_alone() -> None:
        for _ in range(200):
            with lock.alone():
                alone.append(1)
                faults.extend(inside)
                faults.extend(alone[1:])
                alone.pop()

    threads = [threading.Thread(target=share) for _ in range(8)] + [threading.Thread(target=be_alone) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_one_that_wants_to_be_alone_comes_before_new_ones_that_share() -> None:
    """Shared holds that overlap for ever would keep an upload out."""
    order: list[str] = []
    lock = SharedLock()
    first = lock.shared()
    first.__enter__()
    alone = threading.Thread(target=lambda: _within(lock.alone(), order, "alone"))
    alone.start()
    while not lock.is_awaited:
        time.sleep(0.001)
    late = threading.Thread(target=lambda: _within(lock.shared(), order, "shared"))
    late.start()
    time.sleep(0.05)
    assert order == []
    first.__exit__(None, None, None)
    alone.join()
    late.join()
    assert order == ["alone", "shared"]


def _within(context: object, order: list[str], name: str) -> None:
    with context:  # type: ignore[attr-defined]
        order.append(name)
