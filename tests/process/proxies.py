"""Real proxies in front of a gateway, with the configurations of docs/load-balancer.md."""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving import ROOT, Connection, free_port, until

DOC = (ROOT / "docs" / "load-balancer.md").read_text(encoding="utf-8")
#: Started with the file that holds the documented lines.
COMMANDS: dict[str, list[str]] = {
    "nginx": ["-c", "{file}", "-e", "stderr", "-g", "daemon off;"],
    "haproxy": ["-db", "-f", "{file}"],
    "caddy": ["run", "--adapter", "caddyfile", "--config", "{file}"],
}
#: Where the documented configurations show the gateway, if not at the root.
PATHS = {"nginx-prefix": "/ml", "caddy-prefix": "/ml"}


def example(name: str) -> str:
    """Return a configuration of the document."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", DOC, re.DOTALL)
    assert found is not None
    return found[1]


def configuration(name: str, port: int, gateway: int, folder: Path) -> str:
    """Return the documented lines with ports of this test, and what a service of the system would bring."""
    text = example(name).replace("127.0.0.1:8000", f"127.0.0.1:{gateway}")
    if name.startswith("nginx"):
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.getuid() == 0 else ""
        text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
        return (
            f"{user} worker_processes 1; pid {folder}/pid; events {{}}\nhttp {{ access_log off; {temporary}\n{text}}}\n"
        )
    if name == "haproxy":
        return text.replace("bind :80", f"bind 127.0.0.1:{port}")
    return "{\n admin off\n auto_https off\n}\n" + text.replace("gateway.example.org", f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def in_front(name: str, gateway: int, folder: Path, change: Callable[[str], str] = str) -> Iterator[tuple[int, int]]:
    """Run a proxy with a documented configuration before a gateway; yield its port and process id."""
    example, name = name, name.removesuffix("-prefix")
    program = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    port = free_port()
    file = folder / f"{name}.conf"
    file.write_text(change(configuration(example, port, gateway, folder)))
    environ = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        arguments = [part.format(file=file) for part in COMMANDS[name]]
        process = subprocess.Popen([program, *arguments], env=environ, stdout=log, stderr=log)
    try:
        until(
            lambda: answers(port, PATHS.get(example, "")) or process.poll() is not None,
            what=f"an answer through {name}",
        )
        assert process.poll() is None, (folder / "log").read_text()
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int, prefix: str) -> bool:
    """Say whether the gateway can be reached on a port, below a prefix."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = Connection(port, 5)
        try:
            return connection.request("GET", f"{prefix}/health/live").status == 200
        finally:
            connection.close()
    return False
