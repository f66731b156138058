"""
Limits hold over all workers of a machine, whichever dies, and quotas of a day over restarts.

OWASP: API4
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import serving
from e2e.clients import Crowd, Wire, get
from gateway.security.quota import until_midnight_s
from rest.test_metrics import total
from serving import Gateway

STUB = {"inputs": ["a"], "output": {"kind": "regression"}}
REGISTRY = """\
version: 1
routes:
  /burst: {{artifact: {folder}/m.stub, limits: {{requests: 20/h, burst: 40}}}}
  /day: {{artifact: {folder}/m.stub, limits: {{daily: 30}}}}
  /rate: {{artifact: {folder}/m.stub, limits: {{requests: 200/s}}}}
  /free: {{artifact: {folder}/m.stub}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> str:
    """Return a registry of routes that limit their callers in different ways."""
    (tmp_path / "m.stub").write_text(json.dumps(STUB))
    return REGISTRY.format(folder=tmp_path)


def answers(server: Gateway, path: str, each: int, clients: int = 8) -> Counter[int]:
    """Send requests from clients at once, each on a connection of its own; return the statuses of the answers."""
    found: Counter[int] = Counter()

    def ask(number: int, over: threading.Event) -> None:
        for _ in range(each):
            wire = Wire(server.port)
            found.update([wire.exchange(get(path))[0]])
            wire.close()

    crowd = Crowd(ask, clients)
    with crowd:
        crowd.join()
    return found


def test_limits_hold_over_workers_deaths_and_restarts(gateway: Callable[..., Gateway], registry: str) -> None:
    """Eight clients get exactly the burst from all workers together, and exactly the quota over kill and restart."""
    if until_midnight_s(time.time()) < 120:
        pytest.skip("the day ends within this test")
    server = gateway(registry, workers=2)
    found = answers(server, "/burst?a=1", 5) + answers(server, "/day?a=1", 2)
    os.kill(server.workers()[0], signal.SIGKILL)
    found += answers(server, "/burst?a=1", 5) + answers(server, "/day?a=1", 1)
    assert found == {200: 40 + 24, 429: 40}
    assert total(server, "gateway_limited_total", route="burst", limit="requests") == 40
    assert answers(server, "/free?a=1", 3) == {200: 24}
    os.kill(server.pid, signal.SIGKILL)
    server.kill()
    server.start().wait()
    assert answers(server, "/day?a=1", 2) == {200: 6, 429: 10}


@pytest.mark.slow
def test_the_rate_is_within_one_percent(
    gateway: Callable[..., Gateway], registry: str, figures: Callable[[str], None]
) -> None:
    """Four workers accept from eight clients within 1 % of what the rate allows, and again after a worker's death."""
    server = gateway(registry, workers=4)
    for death in (False, True):
        if death:
            os.kill(server.workers()[0], signal.SIGKILL)
            serving.until(lambda: len(server.workers()) == 4, what="a new worker")
            server.wait()
            time.sleep(1)
        accepted, refused, seconds = _accepted(server, "/rate?a=1", 10.0)
        ideal = 200 + 200 * seconds
        figures(f"{accepted} of {accepted + refused} accepted in {seconds:.3f} s, ideal {ideal:.0f}, death: {death}")
        assert refused > accepted
        assert abs(accepted - ideal) <= 0.01 * ideal


def _accepted(server: Gateway, path: str, seconds: float) -> tuple[int, int, float]:
    """Ask from eight clients without a pause; return both counts, and how long that took."""
    times: list[float] = []
    refused: list[int] = []

    def ask(number: int, over: threading.Event) -> None:
        wire, count = Wire(server.port), 0
        while not over.is_set():
            count += 1
            if count % 50 == 0:  # every worker gets a share of every client
                wire.close()
                wire = Wire(server.port)
            if wire.exchange(get(path))[0] == 200:
                times.append(time.monotonic())
            else:
                refused.append(1)
        wire.close()

    began = time.monotonic()
    with Crowd(ask, 8):
        time.sleep(seconds)
    return len(times), len(refused), max(times) - began


@pytest.mark.slow
def test_a_greedy_caller_does_not_slow_another(gateway: Callable[..., Gateway], registry: str) -> None:
    """While eight clients of one address are refused, one of another address gets its whole rate."""
    server = gateway(registry, workers=4, trusted_proxies="127.0.0.1")

    def greedy(number: int, over: threading.Event) -> None:
        wire = Wire(server.port)
        while not over.is_set():
            wire.exchange(get("/rate?a=1", "X-Forwarded-For: 192.0.2.1"))
        wire.close()

    modest = Wire(server.port)
    with Crowd(greedy, 8):
        time.sleep(0.5)
        for _ in range(100):
            assert modest.exchange(get("/rate?a=1", "X-Forwarded-For: 192.0.2.2"))[0] == 200
            time.sleep(0.01)
    modest.close()
