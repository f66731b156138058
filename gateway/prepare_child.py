"""Run one prepare child within limits of time and memory, and turn whatever becomes of it into a manifest."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.errors import Problem
from gateway.loaders import package_versions
from gateway.manifest import Manifest
from gateway.prepare_entry import Entry

#: How often the child's memory is looked at: a runaway allocation of 2 GB/s gets 100 MB over the limit.
WATCH_INTERVAL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bound one child: seconds of wall clock, bytes of memory."""

    timeout_s: float = 120.0
    memory_bytes: int = 2 * 1024**3


def run_child(entry: Entry, limits: Limits) -> Manifest:
    """Prepare one entry in a child of its own session, so that whatever it starts dies with it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.prepare_entry", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=_child_environment(),
    )
    with ThreadPoolExecutor(max_workers=1) as talk:
        answer = talk.submit(child.communicate, msgspec.json.encode(entry))
        try:
            problem = _watch(child, limits)
        finally:
            # Whatever the model started holds the child's stderr open: end it all, or reading would not end.
            _end(child)
        stdout, stderr = answer.result(timeout=10)
    problem = problem or _crash(child, stderr)
    if problem is not None:
        return _failed(entry, problem)
    try:
        return msgspec.json.decode(stdout, type=Manifest)
    except msgspec.MsgspecError:
        return _failed(
            entry,
            Problem(
                "prepare-crashed",
                "the process that loaded the artifact exited with 0 before it was done",
                "code or library of the model calls exit; take that out",
            ),
        )


def _child_environment() -> dict[str, str]:
    """One thread per library: children run beside serving workers."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, "1"), "PYTHONFAULTHANDLER": "1"}


def _watch(child: "subprocess.Popen[bytes]", limits: Limits) -> Problem | None:
    """Wait until the child ends or exceeds a limit; in the latter case kill its session."""
    deadline = time.monotonic() + limits.timeout_s
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (0, 0))
    while child.poll() is None:
        if time.monotonic() > deadline:
            _end(child)
            return Problem(
                "prepare-timeout",
                f"preparing took longer than {limits.timeout_s:g} s",
                "make loading faster, or raise GATEWAY_PREPARE_TIMEOUT_S; then run: gateway prepare --retry",
            )
        used = _memory_bytes(child.pid)
        if used > limits.memory_bytes:
            _end(child)
            return Problem(
                "prepare-memory",
                f"preparing used {used // 2**20} MB, allowed are {limits.memory_bytes // 2**20} MB",
                "raise GATEWAY_PREPARE_MEMORY_MB if the model needs this much; then run: gateway prepare --retry",
            )
        time.sleep(WATCH_INTERVAL_S)
    return None


def _memory_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


def _crash(child: "subprocess.Popen[bytes]", stderr: bytes) -> Problem | None:
    if child.returncode == 0:
        return None
    if child.returncode in (-signal.SIGKILL, -signal.SIGTERM):
        return Problem(
            "prepare-killed",
            f"the process that loaded the artifact was killed from outside (signal {-child.returncode})",
            "if the machine ran out of memory, give it more or lower GATEWAY_PREPARE_MEMORY_MB; then: gateway reload",
        )
    last = stderr.decode(errors="replace").strip().splitlines()
    detail = f": {last[-1][:300]}" if last else ""
    how = f"was killed by signal {-child.returncode}" if child.returncode < 0 else f"exited with {child.returncode}"
    return Problem(
        "prepare-crashed",
        f"the process that loaded the artifact {how}{detail}",
        "the artifact crashes its library; save it again with the versions installed here",
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the whole session: a model's import may have started processes of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, 9)
    child.wait()


def _failed(entry: Entry, problem: Problem) -> Manifest:
    return Manifest(
        key=entry.key,
        loader=entry.spec.loader,
        artifact=entry.artifact,
        versions=package_versions(entry.spec.loader),
        problem=problem,
    )
