"""
Start real gateways for tests and talk to them. Knows processes, ports and HTTP; states no law of its own.

Every gateway lives in a home of its own and shares one content-addressed cache, so a model is prepared once a session.
"""

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

import extras
from gateway.system.locks import locked

ROOT = Path(__file__).resolve().parent.parent
COMMAND = Path(sys.executable).parent / "gateway"
#: Generous: the five models are prepared and loaded within it on a machine five times as slow as a laptop.
START_S = 120.0


@dataclass(frozen=True)
class Answer:
    """Hold one HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


#: Each process of a parallel run has 2,000 ports of its own, below those that the system gives to clients.
_LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6
_FIRST = 20_000 + 2_000 * _LANE
#: From a random one on: another run on this machine counts through the same ones.
_PORTS = (_FIRST + port % 2_000 for port in itertools.count(random.randrange(2_000)))


def free_port() -> int:
    """Return a port of this machine that nobody listens on, and that no other test is about to take."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports never end")


def until(happens: Any, timeout_s: float = 20.0, *, what: str = "it") -> Any:
    """Poll until `happens()` is true and return its value; fail the test after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := happens():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {timeout_s:g} s")


def absolute(registry_text: str) -> str:
    """Let a registry that lies elsewhere find the models of this repository."""
    return registry_text.replace("artifact: models/", f"artifact: {ROOT}/models/")


def processes_of(home: Path) -> list[psutil.Process]:
    """Return every living process that was started with this GATEWAY_HOME, whoever its parent is by now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("GATEWAY_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def gone(pid: int) -> bool:
    """Say whether a process has ended; one that only waits to be reaped has."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Connection:
    """One keep-alive connection to one address."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its answer whole."""
        self._http.request(method, path, body, dict(headers or {}))
        answer = self._http.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@dataclass
class Gateway:
    """A running `gateway serve`, or the address of one that PM2 runs."""

    home: Path
    registry: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    #: The key that requests hold unless they say otherwise.
    key: str = ""

    @property
    def log(self) -> Path:
        """Return the file that holds everything the processes wrote."""
        return self.home / "serve.log"

    @property
    def pid(self) -> int:
        """Return the process id of the arbiter."""
        assert self.process is not None
        return self.process.pid

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of this gateway and of commands that talk to it."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        return {
            **mine,
            "GATEWAY_HOME": str(self.home),
            "GATEWAY_REGISTRY": str(self.registry),
            "GATEWAY_BIND": f"127.0.0.1:{self.port}",
            "GATEWAY_WORKERS": "2",
            # The whole suite passes with and without the short way past Flask's dispatch.
            "GATEWAY_FAST_DISPATCH": os.environ.get("GATEWAY_FAST_DISPATCH", "true"),
            **self.settings,
        }

    def start(self) -> "Gateway":
        """Start the processes; `wait` says when they serve."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve"], cwd=self.home, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def wait(self, timeout_s: float = START_S) -> "Gateway":
        """Wait until every worker serves; fails at once with the log when the arbiter ends."""

        def serves() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.tail()}")
            health = self.health()
            is_full = bool(health) and health["ready_workers"] >= health["expected_workers"] > 0
            return is_full and not health["pending"] and health["same_generation"]

        try:
            until(serves, timeout_s, what="readiness")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        return self

    def health(self) -> Any:
        """Return /health, or nothing while nobody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/health").json
        return {}

    def workers(self) -> list[int]:
        """Return the process ids of the workers, as the gateway itself tells them."""
        return [worker["pid"] for worker in self.get("/health").json["workers"]]

    def processes_named(self, word: str) -> list[psutil.Process]:
        """Return the processes of this gateway whose command line holds a word."""
        found = []
        for process in processes_of(self.home):
            with contextlib.suppress(psutil.Error):  # it may end while it is looked at
                if word in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def connect(self, timeout_s: float = 30.0) -> Connection:
        """Open a keep-alive connection; all its requests reach the same worker."""
        return Connection(self.port, timeout_s)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = self.connect()
        try:
            key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
            return connection.request(method, path, body, {"Connection": "close", **key, **(headers or {})})
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Send a GET with query parameters."""
        return self.request("GET", f"{path}?{urlencode(query)}" if query else path, None, headers)

    def form(self, path: str, method: str = "POST", **fields: Any) -> Answer:
        """Send a form; curl sends one on GET too with `-X GET -d`."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request(method, path, urlencode(fields).encode(), kind)

    def post(self, path: str, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a value as JSON."""
        return self.request(
            "POST", path, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}
        )

    def load_explainers(self, *names: str) -> None:
        """Let every worker load what explains these routes, or all: until then the first questions are told to wait."""
        for route in self.get("/routes").json["routes"]:
            if route.get("explanation", {}).get("possible") and (not names or route["name"] in names):
                asked = [0]  # answers in a row: many enough that each worker gave some

                def explained(route: Any = route, asked: list[int] = asked) -> bool:
                    answer = self.post(f"{route['path']}?_explain=true", route["sample"])
                    asked[0] = asked[0] + 1 if answer.status == 200 else 0
                    return asked[0] >= 12

                until(explained, START_S, what=f"an explanation of {route['path']} by each worker")

    def events(self, message: str) -> list[dict[str, Any]]:
        """Return the log lines with this message."""
        lines = self.log.read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if line.get("msg") == message]

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "(no log)"

    def command(self, *arguments: str | Path, timeout_s: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """Run `gateway ARGUMENTS` with the settings of this gateway."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.home,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def stop(self) -> None:
        """Stop it as a supervisor does and prove that nothing is left."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        try:
            until(lambda: not processes_of(self.home), 15, what="the end of every process")
        finally:
            self.kill()

    def kill(self) -> None:
        """Leave nothing behind, whatever happened before."""
        for process in processes_of(self.home):
            with contextlib.suppress(psutil.Error):
                process.kill()
        if self.process is not None:
            self.process.wait(timeout=10)


def make(folder: Path, cache: Path, registry: str | Path, **settings: Any) -> Gateway:
    """Lay out a home in `folder`: a registry file or the text of one, the shared cache, a free port."""
    home = folder / "home"
    home.mkdir(parents=True)
    (home / "cache").symlink_to(cache, target_is_directory=True)
    if isinstance(registry, str):
        path = folder / "registry.yaml"
        path.write_text(registry)
        registry = path
    if extras.ABSENT and registry.is_file() and (why := extras.lacking_for(registry.read_text())):
        pytest.skip(why)
    texts = {f"GATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
    return Gateway(home=home, registry=registry, port=free_port(), settings=texts)


@contextlib.contextmanager
def _prepared_once(cache: Path, registry: Path) -> Iterator[None]:
    """Let the first gateway with the repository's models prepare them alone: those that start beside it would, too."""
    done = cache.with_name(f"{cache.name}-has-the-models")
    names_them = registry.is_relative_to(ROOT) or f"{ROOT}/models/" in registry.read_text(errors="replace")
    if not names_them or done.exists():
        yield
        return
    with locked(cache.with_name(f"{cache.name}.lock")):
        yield
    done.touch()


@contextlib.contextmanager
def running(folder: Path, cache: Path, registry: str | Path, **settings: Any) -> Iterator[Gateway]:
    """Serve a registry for the length of the block; no process outlives it."""
    server = make(folder, cache, registry, **settings)
    try:
        with _prepared_once(cache, server.registry):
            server.start().wait()
        yield server
        server.stop()
    finally:
        server.kill()
