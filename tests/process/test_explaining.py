"""A worker that explains keeps its memory, and one that is killed in the middle of it leaves nothing behind."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from serving import Gateway, processes_of, until

STUB = {"inputs": [{"name": "a"}, {"name": "b"}], "output": {"kind": "regression"}}
REGISTRY = "version: 1\nroutes:\n  /m: {{artifact: {path}, timeout_s: 60}}\n"


def registry_of(folder: Path, **script: Any) -> str:
    """Write a stub that sums, and return the registry that serves it."""
    path = folder / "sum.stub.json"
    path.write_text(json.dumps(STUB | script))
    return REGISTRY.format(path=path)


@pytest.mark.slow
def test_a_worker_killed_while_it_explains_leaves_nothing(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    """The client sees its connection end; the next worker explains, and no process of the old one is left."""
    server = gateway(registry_of(tmp_path, sleep_s=0.7), workers=1)
    [worker] = server.workers()
    ended: list[object] = []

    def ask() -> None:
        try:
            ended.append(server.post("/m?_explain=true", {"a": 1, "b": 2}).status)
        except OSError as error:
            ended.append(error)

    client = threading.Thread(target=ask)
    client.start()
    until(lambda: server.get("/health?figures").json["routes"]["m"]["in_flight"], what="the predict")
    os.kill(worker, signal.SIGKILL)
    client.join()
    assert isinstance(ended[0], OSError)
    until(lambda: server.workers() not in ([], [worker]), what="another worker")
    found = until(lambda: explained(server), what="an explanation")
    assert found["explanation"]["contributions"] == {"b": 2.0, "a": 1.0}
    assert worker not in [one.pid for one in processes_of(server.home)]


def explained(server: Gateway) -> Any:
    """Return an explained answer, or None while the worker starts."""
    try:
        answer = server.post("/m?_explain=true", {"a": 1, "b": 2})
    except OSError:
        return None
    return answer.json if answer.status == 200 else None


@pytest.mark.slow
def test_memory_stays_after_many_explained_rows(tmp_path: Path, gateway: Callable[..., Gateway]) -> None:
    """100,000 rows in ten batches take no more memory than the first two did."""
    server = gateway(registry_of(tmp_path), workers=1)
    [worker] = server.workers()
    table = b"a,b\n" + b"1.5,2\n" * 10_000

    def ask() -> int:
        answer = server.request("POST", "/m?_explain=true", table, {"Content-Type": "text/csv"})
        assert answer.status == 200
        return int(psutil.Process(worker).memory_info().rss)

    before = max(ask(), ask())
    after = [ask() for _ in range(8)][-1]
    assert server.workers() == [worker]
    assert after <= before + 16 * 2**20
