"""
Start a server, wait until it answers, weigh it, and stop every process that it started.

Its processes are found by a mark in their environment, so that daemons and detached children are seen too.
"""

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from uuid import uuid4

MARK = "GATEWAY_BENCH_MARK"
_TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """Say why a server did not come up; holds the end of its log."""


class Server:
    """Run one server for the length of a `with` block; `beside` is a server it depends on, whose memory counts too."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        cwd: Path,
        beside: "Server | None" = None,
    ) -> None:
        self._command = list(command)
        self._beside = beside
        self._mark = uuid4().hex
        # Nothing of the caller's settings must reach a peer: GATEWAY_ variables configure the gateway.
        base = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PROMETHEUS_"))}
        self._environ = {**base, **environ, MARK: self._mark}
        self._log = log
        self._cwd = cwd
        self._file: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._log.open("wb")
        self._process = subprocess.Popen(
            self._command,
            env=self._environ,
            cwd=self._cwd,
            stdout=self._file,
            stderr=self._file,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self, ready: Callable[[], bool], timeout_s: float = 120.0) -> None:
        """Return when `ready` says so; raises StartError when the process ends or the time is over."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise StartError(f"the process ended: {self.last_lines()}")
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    return
            time.sleep(0.2)
        raise StartError(f"not ready after {timeout_s:.0f} s: {self.last_lines()}")

    def last_lines(self) -> str:
        """Return the end of the log in one line."""
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return " / ".join(lines[-3:])[-400:]

    def pids(self) -> list[int]:
        """Return every living process that carries our mark."""
        wanted = f"{MARK}={self._mark}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    if wanted in (folder / "environ").read_bytes():
                        found.append(int(folder.name))
        return found

    def pss_mb(self) -> float:
        """Return the memory of all processes, shared pages counted once."""
        total = 0.0 if self._beside is None else self._beside.pss_mb() * 1024
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024

    def cpu_s(self) -> float:
        """Return the CPU time of all processes so far."""
        ticks = 0.0 if self._beside is None else self._beside.cpu_s() * _TICKS
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    def stop(self) -> None:
        """Ask all to end, wait 5 s, then kill what is left."""
        self._signal(signal.SIGTERM, 5.0, first=True)
        self._signal(signal.SIGTERM, 3.0)
        self._signal(signal.SIGKILL, 5.0)
        if self._process is not None:
            self._process.wait(5)
        if self._file is not None:
            self._file.close()

    def _signal(self, which: signal.Signals, patience_s: float, *, first: bool = False) -> None:
        """Send a signal (to the process that we started alone if `first`) and wait until all are gone."""
        for pid in self.pids():
            if not first or (self._process is not None and pid == self._process.pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, which)
        deadline = time.monotonic() + patience_s
        while self._living() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _living(self) -> bool:
        if self._process is not None:
            self._process.poll()  # reaps it, so that it is no zombie with our mark
        return bool(self.pids())


def answers(url: str) -> bool:
    """Say whether a URL answers at all; a 4xx counts, a 5xx does not."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500


def post(url: str, body: bytes, timeout_s: float = 30.0) -> bytes:
    """Send JSON and return the body of the answer; raises OSError with its beginning for anything but 2xx."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        raise OSError(f"{error.code}: {error.read(300).decode(errors='replace')}") from error
