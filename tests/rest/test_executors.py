"""Where the model of each route runs, and how its servers are: one truth on /routes, /health, /metrics and pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import serving
from executors.v2_server import V2Server
from serving import Gateway, free_port, until

#: Calls of one client in a row without an answer after which its breaker opens.
UNANSWERED = 5


@dataclass
class Fleet:
    """A gateway of one worker with a model in it, one on two servers, and one on a single server."""

    gateway: Gateway
    two: tuple[V2Server, V2Server]
    single: V2Server

    def told(self, path: str) -> dict[str, Any]:
        """Return what /health tells of the executor of a route."""
        return dict(self.gateway.health()["routes"][path]["executor"])

    def ask(self, path: str) -> int:
        """Predict one row and return the status."""
        return self.gateway.post(path, {"a": 1}).status

    def lines(self) -> list[str]:
        """Return the lines of /metrics."""
        return self.gateway.get("/metrics").body.decode().splitlines()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Fleet]:
    """Serve the three routes."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    two, single = (V2Server(free_port()), V2Server(free_port())), V2Server(free_port())
    urls = ", ".join(f"'{server.address}'" for server in two)
    registry = (
        f"version: 1\nroutes:\n  /here: {{artifact: {folder}/m.stub}}\n"
        f"  /two: {{executor: {{kind: upstream, model: m, url: [{urls}]}}}}\n"
        f"  /single: {{timeout_s: 0.2, executor: {{kind: upstream, model: m, url: '{single.address}'}}}}\n"
    )
    with serving.running(folder, cache, registry, workers=1) as gateway:
        yield Fleet(gateway, two, single)
    for server in (*two, single):
        server.close()


def test_seconds_at_the_server_are_part_of_those_of_the_request(fleet: Fleet) -> None:
    """Each call is counted once, with a time that is within the whole; a model in the workers has no such series."""
    before = fleet.told("/single").get("remote_s", 0.0)
    for _ in range(3):
        assert fleet.ask("/single") == 200
    assert fleet.ask("/here") == 200
    told = fleet.told("/single")
    assert before < told["remote_s"] <= told["total_s"]
    assert 'gateway_executor_seconds_count{route="single"} 3.0' in fleet.lines()
    assert not [line for line in fleet.lines() if line.startswith("gateway_executor_") and 'route="here"' in line]
    assert fleet.told("/here") == {"kind": "local"}


def test_a_server_that_is_left_out_is_named(fleet: Fleet) -> None:
    """The other one answers; catalog, figures and pages say that one of two is ready, and the page names no address."""
    fleet.two[1].close()
    until(lambda: fleet.ask("/two") == 200 and fleet.told("/two")["state"] == "degraded", what="a failed server")
    told = fleet.told("/two")
    assert (told["instances"], told["ready"], told["breaker"]) == (2, 1, "closed")
    assert list(told["away"]) == [fleet.two[1].address]
    assert 'gateway_executor_servers_away{route="two"} 1.0' in fleet.lines()
    routes = {route["path"]: route["executor"] for route in fleet.gateway.get("/routes").json["routes"]}
    assert routes["/two"]["state"] == "degraded"
    figures = fleet.gateway.get("/health?figures").json["routes"]
    assert figures["two"]["executor"] == {
        "kind": "upstream", "state": "degraded", "instances": 2, "ready": 1, "breaker": "closed",
    }  # fmt: skip
    assert "executor" not in figures["here"]
    for path in ("/", "/console/two/model"):
        page = fleet.gateway.get(path, headers={"Accept": "text/html"}).body.decode()
        assert "on another server" in page
        assert "1 of 2 ready" in page
        assert fleet.two[0].address not in page


def test_an_open_breaker_is_told_until_the_server_is_back(fleet: Fleet) -> None:
    """Open in every face while calls are refused, closed again with the first answer."""
    fleet.single.close()
    assert {fleet.ask("/single") for _ in range(UNANSWERED)} <= {503, 504}
    until(lambda: fleet.told("/single")["breaker"] != "closed", what="an open breaker")
    told = fleet.told("/single")
    assert told["remote_s"] > told["total_s"] / 2, "calls in vain wait for the server, too"
    assert told["state"] == "away"
    assert told["away"][fleet.single.address]
    states = [line for line in fleet.lines() if line.startswith('gateway_executor_breaker{route="single"')]
    assert [line for line in states if line.endswith(" 1.0")] != [
        'gateway_executor_breaker{route="single",state="closed"} 1.0'
    ]
    fleet.single.listen()
    until(lambda: fleet.ask("/single") == 200, what="an answer")
    until(lambda: fleet.told("/single")["breaker"] == "closed", what="a closed breaker")
    assert fleet.told("/single")["state"] == "ready"
