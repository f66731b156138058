"""
No leak over a million requests and a hundred reloads.

SOAK_REQUESTS and SOAK_RELOADS shorten it. The first tenth warms up: allocators, caches and lazily made objects settle.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import psutil
import pytest
from onnx import TensorProto, helper

from serving import ROOT, Gateway
from torture import routes
from torture.load import Request
from torture.offered import Offered

pytestmark = pytest.mark.quiet

Start = Callable[..., Gateway]

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "1000000"))
RELOADS = int(os.environ.get("SOAK_RELOADS", "100"))
#: An earlier generation is dropped 30 s after its successor took over.
FORGOTTEN_AFTER_S = 33.0
ALLOWED_GROWTH = 0.10
#: Beside the compiled booster, the script and the code: a booster that xgboost itself runs, and an ONNX session.
EXTRA = f"""  /booster: {{artifact: {ROOT}/models/diabetes/model.ubj, compile: off}}
  /double: double.onnx
"""
MORE = [Request("/booster", routes.REQUESTS[0].body), Request("/double", b'{"data": [1.5]}')]


def write_onnx(path: Path) -> None:
    """Write a graph that adds its input to itself."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [value], [out])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def pss_mb(server: Gateway) -> float:
    """Return the memory of all workers, once earlier generations are forgotten."""
    time.sleep(FORGOTTEN_AFTER_S)
    return float(sum(psutil.Process(pid).memory_full_info().pss for pid in server.workers())) / 2**20


def send(server: Gateway, requests: list[Request], least: int, reloads: int, first: int) -> int:
    """Send at least so many requests while the registry is reloaded so often; return how many were answered."""
    loads = [Offered(server.port, request, seconds=10**6, clients=6) for request in requests]
    answered = 0
    for load in loads:
        load.__enter__()
    try:
        for number in range(first, first + reloads):
            before = server.health()
            routes.write_number(server.registry.parent, number)
            assert routes.settled(server, before)["reload"]["result"] == "committed"
            goal = least * (number - first + 1) / reloads
            while sum(load.outcome.codes.get(200, 0) for load in loads) < goal:
                time.sleep(0.1)
    finally:
        for load in loads:
            load.__exit__()
        answered = sum(load.outcome.codes.get(200, 0) for load in loads)
    assert not any(load.outcome.broken for load in loads)
    assert all(set(load.outcome.codes) <= {200, 503} for load in loads), [load.outcome.codes for load in loads]
    return answered


@pytest.mark.slow
def test_memory_stays_where_it_is(gateway: Start, tmp_path: Path) -> None:
    """After the warm-up the workers grow by less than a tenth, however many requests and reloads follow."""
    registry = routes.make(tmp_path / "r", EXTRA)
    write_onnx(registry.parent / "double.onnx")
    server = gateway(registry, access_log="false")
    workers = set(server.workers())
    requests = [*routes.REQUESTS, *MORE]
    warm = send(server, requests, REQUESTS // 10, max(RELOADS // 10, 1), 1)
    before = pss_mb(server)
    done = send(server, requests, REQUESTS, RELOADS, 10_000)
    after = pss_mb(server)
    growth = after / before - 1
    print(f"{warm} + {done} requests, {RELOADS} reloads: {before:.1f} MB -> {after:.1f} MB ({growth:+.1%})")
    assert set(server.workers()) == workers, "a replaced worker would hide its leak"
    assert growth < ALLOWED_GROWTH
