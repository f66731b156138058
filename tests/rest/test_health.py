"""People, supervisors and load balancers each learn what they need: /health, /health/live, /health/ready, /routes."""

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import serving
from serving import Gateway

PATHS = ["/sentiment", "/diabetes", "/loan", "/earnings", "/insurance"]


def test_all_five_are_ready(five: Gateway) -> None:
    """With every model loaded in every worker, all three faces say so."""
    health = five.get("/health").json
    assert health["status"] == "ok"
    assert {path: route["state"] for path, route in health["routes"].items()} == dict.fromkeys(PATHS, "READY")
    assert health["same_generation"]
    assert len(health["workers"]) == health["ready_workers"] == health["expected_workers"] == 2
    assert five.get("/health/live").json == {"status": "live"}
    ready = five.get("/health/ready")
    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert "degraded" not in ready.json
    assert ready.json["generation"] == health["generation"] == ready.headers["x-gateway-generation"]


def test_nobody_may_keep_an_old_health(five: Gateway) -> None:
    """Proxies must not cache what is true for a moment only."""
    for path in ("/health", "/health/live", "/health/ready"):
        assert five.get(path).headers["cache-control"] == "no-store"


def test_health_counts_over_all_workers(five: Gateway) -> None:
    """Requests that different workers answered are counted together, whichever worker is asked."""
    before = five.get("/health").json["routes"]["/loan"]["requests"]
    for _ in range(20):
        five.get("/loan", area="nowhere")
    counts = {five.get("/health").json["routes"]["/loan"]["requests"] - before for _ in range(6)}
    assert counts == {20}


def test_figures_are_those_of_health_over_all_workers(five: Gateway) -> None:
    """`?figures` has the numbers of every route and of the last reload, by name of the route, and none of the texts."""
    before = five.get("/health?figures").json
    for _ in range(20):
        five.get("/loan", area="nowhere")
    health = five.get("/health").json
    shown = {json.dumps(five.get("/health?figures").json["routes"]["loan"]["requests"]) for _ in range(6)}
    assert shown == {str(before["routes"]["loan"]["requests"] + 20)}
    figures = five.get("/health?figures").json
    assert list(figures["routes"]) == [path[1:] for path in PATHS]
    assert {route["state"] for route in figures["routes"].values()} == {"READY"}
    loan = figures["routes"]["loan"]
    assert (loan["errors"], loan["error_rate"], loan["in_flight"], loan["queue_depth"]) == (0, 0, 0, 0)
    assert loan["version"] == health["routes"]["/loan"]["version"]
    assert loan["per_second"] > 0.3
    assert 0 < loan["p50_ms"] <= loan["p95_ms"]
    reload = health["reload"]
    assert figures["reload"] == {"at": reload["at"], "result": reload["result"], "faults": 0}
    assert figures["generation"] == health["generation"]
    assert 0 < time.time() - figures["started"] < 3600
    document = five.get("/openapi.json").json
    reference = {"$ref": "#/components/schemas/health.figures", "components": document["components"]}
    jsonschema.validate(figures, reference)


def test_figures_that_did_not_change_are_not_sent_again(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """While nobody asks a model the ETag holds in every worker; a request, a failure and a refused edit change it."""
    (tmp_path / "fine.stub").write_text(json.dumps({"inputs": ["a"]}))
    entry = f"{{artifact: {tmp_path}/fine.stub, load: lazy}}"
    server = gateway(f"version: 1\nroutes:\n  /one: {entry}\n  /two: {entry}\n")
    first = server.get("/health?figures")
    tag = first.headers["etag"]
    assert first.json["routes"]["one"]["state"] == "IDLE"
    assert first.headers["cache-control"] == "no-cache"
    for _ in range(6):
        again = server.get("/health?figures", {"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
    assert server.get("/one", a=1).status == 200
    one = server.get("/health?figures", {"If-None-Match": tag}).json["routes"]["one"]
    assert one["requests"] == 1
    serving.until(
        lambda: server.get("/health?figures").json["routes"]["one"]["state"] == "READY",
        what="the state of a model that one of two workers has loaded",
    )
    server.registry.write_text(server.registry.read_text().replace("load:", "lod:"))
    refused = serving.until(
        lambda: (told := server.get("/health?figures").json["reload"])["result"] == "refused" and told, what="refusal"
    )
    assert refused["faults"] == server.health()["reload"]["faults"] == 2


def test_health_tells_each_worker(five: Gateway) -> None:
    """Every worker shows its process, phase, generation and memory."""
    serving.until(lambda: all(w["pss_mb"] > 10 for w in five.get("/health").json["workers"]), what="a measurement")
    for worker in five.get("/health").json["workers"]:
        assert worker["phase"] == "serving"
        assert worker["generation"] == five.get("/health/live").headers["x-gateway-generation"]


def test_catalog(five: Gateway) -> None:
    """The catalog tells of every route what a client must know to call it."""
    routes = {route["path"]: route for route in five.get("/routes").json["routes"]}
    assert list(routes) == PATHS
    assert routes["/diabetes"]["aliases"] == ["/katana-ml/api/v1.0/diabetes"]
    assert routes["/loan"]["inputs"]["properties"]["car_type"]["enum"] == ["Convertible", "SUV", "Saloon"]
    assert {route["loader"] for route in routes.values()} == {"sklearn", "xgboost"}
    limits = routes["/loan"]["limits"]
    assert (limits["max_concurrency"], limits["max_queue"]) == (4, 32), "the sum of two workers"


@pytest.mark.parametrize("path", PATHS)
def test_printed_curl_works(five: Gateway, path: str) -> None:
    """The command that the catalog prints is answered, and so is its sample as JSON."""
    route = next(route for route in five.get("/routes").json["routes"] if route["path"] == path)
    printed = subprocess.run(
        [*shlex.split(route["curl"]), "-s", "-w", "\n%{http_code}"], capture_output=True, text=True, check=True
    ).stdout
    assert printed.endswith("\n200"), printed
    assert five.post(path, route["sample"]).status == 200


def test_routes_that_share_a_model_are_both_told_ready(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """Of two routes with one model one loads it; once it serves, the scoreboard says so of both."""
    (tmp_path / "slow.stub").write_text(json.dumps({"inputs": ["a"], "load_sleep_s": 0.2}))
    entry = f"{{artifact: {tmp_path}/slow.stub}}"
    server = gateway(f"version: 1\nroutes:\n  /one: {entry}\n  /two: {entry}\n", workers=1)

    def told() -> bool:
        routes = server.get("/health").json["routes"]
        return all(routes[path]["states"] == {"ready": 1} for path in ("/one", "/two"))

    serving.until(told, what="the report of both")


def test_critical_route_takes_readiness_away(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """While a critical route fails, /health/ready is 503 and names it; the process lives and other routes serve."""
    stub = tmp_path / "fine.stub"
    stub.write_text(json.dumps({"inputs": ["a"]}))
    broken = tmp_path / "broken.stub"
    broken.write_text("{")
    server = gateway(
        f"version: 1\nroutes:\n  /fine: {{artifact: {stub}}}\n  /broken: {{artifact: {broken}, critical: true}}\n",
        workers=1,
    )
    ready = server.get("/health/ready")
    assert (ready.status, ready.json["status"]) == (503, "unready")
    assert list(ready.json["degraded"]) == ["/broken"]
    assert ready.json["degraded"]["/broken"]["reason"]
    assert server.get("/health").json["status"] == "unready"
    assert server.get("/health/live").status == 200
    assert server.get("/fine", a=1).json == {"prediction": 1.0}


def test_lazy_route_counts_as_ready(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """A lazy route is IDLE and ready; its first request loads it and is answered."""
    stub = tmp_path / "lazy.stub"
    stub.write_text(json.dumps({"inputs": ["a"], "load_sleep_s": 0.2}))
    server = gateway(f"version: 1\nroutes:\n  /lazy: {{artifact: {stub}, load: lazy, critical: true}}\n", workers=1)
    assert server.get("/health").json["routes"]["/lazy"]["state"] == "IDLE"
    assert server.get("/health/ready").status == 200
    assert server.get("/lazy", a=2).json == {"prediction": 2.0}
    assert server.get("/health").json["routes"]["/lazy"]["state"] == "READY"
