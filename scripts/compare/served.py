"""Start the gateway of any checkout, wait for it, ask it, end it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compare.wire import Connection

#: The models are prepared within it on a slow machine.
START_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """Hold one running gateway; `process` leads a group of its own."""

    name: str
    port: int
    home: Path
    process: "subprocess.Popen[bytes]"


def environment(registry: Path, home: Path, port: int, **more: str) -> dict[str, str]:
    """Return the environment of a gateway; no GATEWAY_ variable of the caller reaches it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return {
        **own,
        "GATEWAY_REGISTRY": str(registry),
        "GATEWAY_HOME": str(home),
        "GATEWAY_BIND": f"127.0.0.1:{port}",
        "GATEWAY_WORKERS": "1",
        "GATEWAY_WATCH": "false",
        "GATEWAY_KEEPALIVE_S": "5",  # the default is not what is compared
        **more,
    }


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Send one GET on a connection of its own."""
    connection = Connection(port)
    try:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n".encode())
        answer = connection.answer()
        return answer.status, answer.body
    finally:
        connection.close()


def wait(server: Server) -> None:
    """Wait until every worker serves; raises SystemExit with the end of the log where the gateway ends."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        with contextlib.suppress(OSError, EOFError):
            health = json.loads(ask(server.port, "/health")[1])
            if health["ready_workers"] >= health["expected_workers"] > 0 and not health["pending"]:
                return
        time.sleep(0.05)
    raise SystemExit(f"{server.name}: does not serve\n{(server.home / 'serve.log').read_text()[-3000:]}")


@contextlib.contextmanager
def serving(tree: Path, name: str, registry: Path, home: Path, port: int, **more: str) -> Iterator[Server]:
    """Serve a registry with the `gateway` of a checkout for the length of the block."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [tree / ".venv/bin/gateway", "serve"],
            cwd=home,
            env=environment(registry, home, port, **more),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(name, port, home, process)
    try:
        wait(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
