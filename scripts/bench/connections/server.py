"""
The variants of this measurement as running gunicorn servers.

Knows how to start, signal, weigh and stop one; refuses to know what is measured on it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from artifacts import BUILD

WORKERS = 2  # as in gunicorn_conf.py
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Variant:
    """A worker class, its dispatch, and what it is called in the table."""

    key: str
    title: str
    worker_class: str
    dispatch: str
    extra: dict[str, str] = field(default_factory=dict)
    full: bool = False


UNPATCHED = "worker.UnpatchedGeventWorker"
VARIANTS = (
    Variant("A", "gevent unpatched + native pool", UNPATCHED, "pool", full=True),
    Variant("A-greedy", "A without a turn for the others", UNPATCHED, "pool", {"BENCH_FAIR": "0"}),
    Variant("A-fast-switch", "A, switch interval 0.5 ms", UNPATCHED, "pool", {"BENCH_SWITCH_S": "0.0005"}),
    Variant("A-balanced", "A, idler siblings accept first", UNPATCHED, "pool", {"BENCH_ACCEPT": "balanced"}),
    Variant("A-accept-100", "A, max_accept 100", UNPATCHED, "pool", {"BENCH_ACCEPT": "hundred"}),
    Variant("A2", "gevent patch_all + native pool", "gevent", "pool", full=True),
    Variant("B", "gthread x128 + gate", "gthread", "gate", {"BENCH_THREADS": "128"}, full=True),
    Variant("C", "gthread x4, no gate", "gthread", "plain", {"BENCH_THREADS": "4"}, full=True),
)


def cpu_of_s(pid: int) -> float:
    """Return the CPU seconds of a process, 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """One running gunicorn with two workers on loopback."""

    def __init__(self, variant: Variant, port: int) -> None:
        self.port = port
        self._pidfile = BUILD / f"{variant.key}.pid"
        environ = os.environ | variant.extra | {
            "BENCH_BIND": f"127.0.0.1:{port}", "BENCH_CLASS": variant.worker_class, "BENCH_DISPATCH": variant.dispatch,
            "BENCH_PIDFILE": str(self._pidfile), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self._log = (BUILD / f"{variant.key}.log").open("ab")
        command = [sys.executable, "-m", "gunicorn", "-c", str(HERE / "gunicorn_conf.py")]
        self.process = subprocess.Popen(command, env=environ, stdout=self._log, stderr=self._log, cwd=HERE)

    def workers(self) -> list[int]:
        """Return the pids of the master's children."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def wait_ready(self, seconds: float = 30) -> None:
        """Wait until both workers have answered."""
        seen: set[str] = set()
        end = time.monotonic() + seconds
        while len(seen) < WORKERS:
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"the server did not start within {seconds} s; see {self._log.name}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/noop", b"{}", timeout=5) as answer:
                    seen.add(answer.headers["X-Pid"])
            except OSError:
                time.sleep(0.1)
        time.sleep(0.5)

    def weigh_mb(self) -> float:
        """Return the mean PSS of the workers in MB."""
        sizes = []
        for pid in self.workers():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
        return sum(sizes) / len(sizes)

    def cpu_s(self) -> float:
        """Return the CPU seconds that the living workers have used."""
        return sum(cpu_of_s(pid) for pid in self.workers())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> float:
        """End the server gracefully; return the seconds it took, or kill it after 45."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                for pid in [*self.workers(), self.process.pid]:
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self._log.close()
        return time.monotonic() - began
