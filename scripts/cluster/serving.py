"""The gateway of a cluster, under PM2 in a home of its own: started, asked until every model answers, shown."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from cluster.plan import ROOT
from gateway.cli.client import Client
from gateway.errors import GatewayError
from gateway.rest.describe.sample_request import JSON_TYPE, SampleRequest
from gateway.settings.settings import Settings

#: Ten replicas took a minute on two busy cores.
_MODELS_S: Final = 300.0
_LOOK_S: Final = 2.0
_UNAVAILABLE: Final = 503
#: From here on `gateway wait` shows answers.
_READY: Final = "gateway ready"


def environ(home: Path, registry: Path) -> dict[str, str]:
    """Return the environment of the gateway and of the commands that ask it."""
    return os.environ | {"GATEWAY_HOME": str(home), "GATEWAY_REGISTRY": str(registry)}


def must_be_free() -> None:
    """Raise GatewayError where another program listens at the address of the gateway."""
    address = Settings.load().bind[0]
    host, _, port = address.rpartition(":")
    if address.startswith("unix:"):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except OSError:
        return
    raise GatewayError(
        f"something listens on {address} already",
        hint=f"make stop, if that is this folder's own gateway; or GATEWAY_BIND=127.0.0.1:{int(port) + 1} make cluster",
    )


def start(home: Path, registry: Path) -> int:
    """Start the gateway, wait until every model answers, and print a curl for each; return an exit code."""
    settings = environ(home, registry)
    began = subprocess.Popen([ROOT / "scripts" / "pm2.sh", "up"], env=settings, stdout=subprocess.PIPE, text=True)
    has_begun = False
    for line in began.stdout or ():
        has_begun = has_begun or line.startswith(_READY)
        if not has_begun:
            print(line, end="", flush=True)
    if began.wait() and not has_begun:
        return began.returncode
    _wait_for_models(Client.of_operators(Settings.load(settings)), Client.of(Settings.load(settings)))
    return subprocess.run([ROOT / ".venv" / "bin" / "gateway", "wait"], env=settings, check=False).returncode


def _wait_for_models(operators: Client, callers: Client) -> None:
    """Return once no model says that it is not there yet, or after a while."""
    routes = [route for route in operators.get("/routes")["routes"] if route["state"] != "FAILED"]
    deadline = time.monotonic() + _MODELS_S
    told = 0.0
    while (left := [route for route in routes if _is_away(callers, route)]) and time.monotonic() < deadline:
        if time.monotonic() > told + 5:
            told = time.monotonic()
            print(f"  the cluster starts {', '.join(route['path'] for route in left)} …", flush=True)
        time.sleep(_LOOK_S)


def _is_away(client: Client, route: dict[str, Any]) -> bool:
    call = SampleRequest(route["path"], route["name"], route["sample"])
    status, body = client.fetch(call.method, client.root_path + call.target, call.body, JSON_TYPE if call.body else "")
    return status == _UNAVAILABLE and json.loads(body)["type"].rpartition(":")[2] in {"loading", "executor-unavailable"}
