"""Find a real Prometheus, or say why there is none; run one on a free port."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving import free_port, until

#: Where `scripts/setup.sh dev` unpacks the Debian package, and where it says why it could not.
UNPACKED = Path(sys.prefix) / "prometheus/usr/bin"
WHY_NOT = Path(sys.prefix) / "prometheus.why-not"


def tool(name: str) -> Path:
    """
    Return the path of `prometheus` or `promtool`; skip the test where this machine cannot have it.

    In CI a missing tool fails, unless set-up found no Debian package to unpack and wrote down why.
    """
    found = shutil.which(name, path=f"{UNPACKED}{os.pathsep}{os.environ.get('PATH', '')}")
    if found:
        return Path(found)
    reason = WHY_NOT.read_text().strip() if WHY_NOT.exists() else ""
    if os.environ.get("CI") == "true" and not reason:
        pytest.fail(f"{name} is missing: `make setup-dev` unpacks it from the Debian package prometheus")
    pytest.skip(f"{name} is missing: {reason or 'run make setup-dev, or: apt-get install prometheus'}")


def promtool(*words: str | Path, cwd: Path) -> None:
    """Run promtool; fail with what it printed."""
    done = subprocess.run([tool("promtool"), *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an API call, or None while nobody answers."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with contextlib.suppress(OSError, KeyError), urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
        return None

    def value(self, expr: str) -> float | None:
        """Return the value of a query with one result; None without one."""
        found = (self.ask("query", query=expr) or {}).get("result", [])
        return float(found[0]["value"][1]) if len(found) == 1 else None


@contextlib.contextmanager
def running(config: Path, data: Path) -> Iterator[Prometheus]:
    """Run Prometheus for the length of the block."""
    port = free_port()
    command: list[str | Path] = [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (data.parent / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(port)
        until(lambda: server.ask("targets"), 60, what="an answer of Prometheus")
        yield server
    finally:
        process.terminate()
        process.wait(30)
