"""A generation is committed when its models answer, not when the processes do that serve them."""

import contextlib
import json
import os
import socketserver
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.artifacts.manifest import Manifest
from gateway.artifacts.remote import ChildSpec, Remote
from gateway.generations import snapshot, staging
from gateway.generations.snapshot import Snapshot
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.scoreboard import status
from gateway.scoreboard.status import ServerStatus, Status
from gateway.system import processes

LOADING = (503, {"error": "the cluster starts this model", "code": "child-loading"})
FAILED = (503, {"error": "on node a: other packages", "code": "ray-failed"})


@dataclass
class Bridge:
    """Serve many models on one Unix socket; `states` says how each of them is."""

    status: Path
    states: dict[str, tuple[int, object]] = field(default_factory=dict)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """Return a server that is ready, of a gateway that serves."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s-")))  # a socket has a short path
        found = Bridge(folder / "status.json")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code, body = found.states[self.path.split("/")[3]]
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def address_string(self) -> str:
                return "-"

            def log_message(self, *args: object) -> None:
                pass

        socket = str(folder / "socket")
        server = stack.enter_context(socketserver.ThreadingUnixStreamServer(socket, Handler))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        stack.callback(server.shutdown)
        told = ServerStatus(server="bridge", instance=0, state="ready", socket=socket)
        began = processes.own_start()
        status.write(found.status, Status(pid=os.getpid(), began=began, phase="serving", servers=(told,)))
        yield found


def generation(**models: str) -> Snapshot:
    """Return a generation of routes whose models one bridge serves under these names."""
    routes = tuple(RouteSpec(path=f"/{name}", name=name, artifact="m", loader="stub") for name in models)
    manifests = {
        name: Manifest(
            key=model, loader="stub", remote=Remote(kind="ray", model=model, child=ChildSpec(name="bridge", argv=()))
        )
        for name, model in models.items()
    }
    return snapshot.make(RegistrySpec(routes=routes), manifests)


def test_a_new_model_of_a_server_that_is_there_is_waited_for(bridge: Bridge) -> None:
    """The process has long been ready; the model is a second later."""
    bridge.states = {"loan-1": (200, {}), "loan-2": LOADING}
    threading.Timer(1.0, lambda: bridge.states.update({"loan-2": (200, {})})).start()
    began = time.monotonic()
    with staging.staged(bridge.status, generation(loan="loan-1"), generation(loan="loan-2"), 60) as missing:
        assert missing == ""
    assert time.monotonic() - began >= 1


def test_a_model_that_fails_is_told_at_once(bridge: Bridge) -> None:
    """Its reason is that of the server."""
    bridge.states = {"loan-1": (200, {}), "loan-2": FAILED}
    with staging.staged(bridge.status, generation(loan="loan-1"), generation(loan="loan-2"), 60) as missing:
        assert missing == "the model server of route loan does not become ready: on node a: other packages"


def test_what_a_model_waits_for_is_told_in_the_end(bridge: Bridge) -> None:
    """Time is bounded."""
    bridge.states = {"loan-2": LOADING}
    with staging.staged(bridge.status, None, generation(loan="loan-2"), 0.2) as missing:
        assert missing.endswith("does not become ready: the cluster starts this model")


def test_models_that_were_committed_are_not_asked_for(bridge: Bridge) -> None:
    """A cluster that is away stops no edit of other routes."""
    bridge.states = {"loan-1": FAILED, "churn-1": (200, {})}
    before, made = generation(loan="loan-1"), generation(loan="loan-1", churn="churn-1")
    with staging.staged(bridge.status, before, made, 60) as missing:
        assert missing == ""
