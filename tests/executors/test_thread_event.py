"""A wait ends when another thread says so, or at its deadline and not before."""

import threading
import time

import gevent

from gateway.executors.thread_event import CrossThreadEvent


def test_a_deadline_counts_from_now_and_not_from_the_last_turn_of_the_loop() -> None:
    """A loop that stood still for longer than the deadline takes nothing off it."""
    found: list[bool] = []

    def wait_after_a_standstill() -> None:
        gevent.get_hub()
        gevent.sleep(0.001)
        time.sleep(0.6)
        event = CrossThreadEvent()
        threading.Timer(0.1, event.pass_on).start()
        found.append(event.wait(0.5))
        gevent.get_hub().destroy(destroy_loop=True)

    thread = threading.Thread(target=wait_after_a_standstill)  # a hub of its own: other tests have none here
    thread.start()
    thread.join()
    assert found == [True]
