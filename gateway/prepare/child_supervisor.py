"""Run one prepare child within limits of time and memory, and turn each outcome into a manifest."""

import contextlib
import itertools
import logging
import os
import resource
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from gateway.artifacts.manifest import ExplanationReport, Manifest
from gateway.artifacts.store import DEFAULT_BYTES
from gateway.environments.building import DEFAULT_S
from gateway.errors import Problem
from gateway.loaders import package_versions
from gateway.prepare.compilation import compile_required
from gateway.prepare.entry import Entry, Report, compiled_path
from gateway.runtimes.storage import discard
from gateway.system import descendants
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.known_children import KNOWN
from gateway.system.memory import resident_bytes
from gateway.system.own_python import module_words
from gateway.system.owned_folders import scratch
from gateway.system.processes import is_running

log = logging.getLogger("gateway.prepare")

#: Made at import: msgspec crashes if two threads inspect a type for the first time at once.
_report = msgspec.json.Decoder(Report).decode

#: Subject of the messages below: before the model was loaded, and afterwards.
_LOADED, _COMPILED = "the process that loaded the artifact", "the process that compiled the model"
#: Seconds between two readings of the child's memory: an allocation of 2 GB/s exceeds the limit by 100 MB.
WATCH_INTERVAL_S = 0.05
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareLimits:
    """
    Limit one child: seconds of wall clock, bytes of memory; the size of the cache of all of them, and the seconds that
    building one environment may take.
    """

    timeout_s: float = 120.0
    memory_bytes: int = 2 * 1024**3
    cache_bytes: int = DEFAULT_BYTES
    environment_s: float = DEFAULT_S


def supervised(module: str, told: bytes, limits: PrepareLimits, cache_dir: Path) -> tuple[Problem | None, bytes]:
    """
    Run a module in a child with its own session; all its descendants end with it, and so do their temporary files.

    Returns the problem that ended it, None for a plain exit, and its standard output.
    """
    with scratch(cache_dir.parent) as temporary:
        return _supervised(module, told, limits, cache_dir, temporary)


def _supervised(
    module: str, told: bytes, limits: PrepareLimits, cache_dir: Path, environment: Mapping[str, str]
) -> tuple[Problem | None, bytes]:
    mark = descendants.own_mark(cache_dir.parent, next(_numbers))
    descendants.adopt_orphans()
    before = descendants.children(os.getpid())
    with FORK_LOCK:
        child = subprocess.Popen(
            module_words(module, str(os.getpid())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**_child_environment(mark), **environment},
        )
        KNOWN.add(child.pid)
    with ThreadPoolExecutor(max_workers=1) as talk:
        # A line, which ends without the end of the pipe: a worker that is forked now holds a copy of it.
        answer = talk.submit(child.communicate, told + b"\n")
        try:
            problem = _watch(child, limits)
        finally:
            # Descendants hold the child's stderr open: end them, or reading would not end.
            _end(child, mark, before)
        stdout, stderr = answer.result(timeout=10)
    return problem or _crash(child, stderr), stdout


def run_child(entry: Entry, limits: PrepareLimits) -> Manifest:
    """Prepare one entry in a child with its own session; all its descendants end with it."""
    told = msgspec.json.encode(entry)
    problem, stdout = supervised("gateway.prepare.child", told, limits, Path(entry.cache_dir))
    report = _last_report(stdout)
    if report is not None and report.is_final and problem is None:
        return report.manifest
    problem = problem or Problem(
        "prepare-crashed",
        "the process that loaded the artifact exited with 0 before it was done",
        "code or library of the model calls exit; take that out",
    )
    if report is None or _was_too_large(report, problem, limits):
        return _failed(entry, problem)
    if report.is_compiled:
        return _without_explanation(entry, report.manifest, problem)
    return _without_compiled(entry, report.manifest, problem)


def _last_report(stdout: bytes) -> Report | None:
    """Return the last complete line; a child that dies while writing leaves half of one."""
    lines = stdout.split(b"\n")[:-1]
    return _report(lines[-1]) if lines else None


def _was_too_large(report: Report, problem: Problem, limits: PrepareLimits) -> bool:
    """Return whether the model alone, before compilation, exceeded the memory limit."""
    return problem.code == "prepare-memory" and report.resident_bytes > limits.memory_bytes


def _without_compiled(entry: Entry, loaded: Manifest, problem: Problem) -> Manifest:
    """Return the manifest of a model that loads, although compiling it ended the child: the original serves."""
    with contextlib.suppress(OSError):
        discard(compiled_path(entry))
    reason = f"compiling it ended the process: {problem.message.replace(_LOADED, _COMPILED)}"
    log.warning("compiling failed; the original serves", extra={"route": entry.spec.path, "reason": reason})
    if entry.spec.compile == "require":
        return _failed(entry, compile_required(reason).as_problem())
    reason = f"{reason}; to try again: gateway prepare --retry"
    return replace(loaded, compiled=None, compile_declined=reason, compile_problem=problem.code)


def _without_explanation(entry: Entry, found: Manifest, problem: Problem) -> Manifest:
    """Return the manifest of a model that serves, although explaining its answers ended the child."""
    what = problem.message.replace(_LOADED, "the process that explained its answers")
    reason = f"explaining it ended the process: {what}"
    log.warning("explaining failed; the route serves", extra={"route": entry.spec.path, "reason": reason})
    instead = "to try again: gateway prepare --retry"
    return replace(found, explanation=ExplanationReport(reason=reason, instead=instead, problem=problem.code))


def _child_environment(mark: descendants.Mark) -> dict[str, str]:
    """Return the environment of a child, with one thread per library: children run beside serving workers."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    own = {"PYTHONFAULTHANDLER": "1", descendants.VARIABLE: mark.text}
    return {**os.environ, **dict.fromkeys(names, "1"), **own}


def _watch(child: "subprocess.Popen[bytes]", limits: PrepareLimits) -> Problem | None:
    """Wait until the child ends or exceeds a limit."""
    deadline = time.monotonic() + limits.timeout_s
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (0, 0))
    while child.poll() is None:
        if time.monotonic() > deadline:
            return Problem(
                "prepare-timeout",
                f"preparing took longer than {limits.timeout_s:g} s",
                "make loading faster, or raise GATEWAY_PREPARE_TIMEOUT_S; then run: gateway prepare --retry",
            )
        used = resident_bytes(child.pid)
        if used > limits.memory_bytes:
            return Problem(
                "prepare-memory",
                f"preparing used {used // 2**20} MB, allowed are {limits.memory_bytes // 2**20} MB",
                "raise GATEWAY_PREPARE_MEMORY_MB if the model needs this much; then run: gateway prepare --retry",
            )
        time.sleep(WATCH_INTERVAL_S)
    return None


def _crash(child: "subprocess.Popen[bytes]", stderr: bytes) -> Problem | None:
    if child.returncode == 0:
        return None
    if child.returncode in (-signal.SIGKILL, -signal.SIGTERM):
        return Problem(
            "prepare-killed",
            f"the process that loaded the artifact was killed from outside (signal {-child.returncode})",
            "if the machine ran out of memory, give it more or lower GATEWAY_PREPARE_MEMORY_MB; then: gateway reload",
        )
    detail = _last_words(stderr)
    how = f"was killed by signal {-child.returncode}" if child.returncode < 0 else f"exited with {child.returncode}"
    return Problem(
        "prepare-crashed",
        f"the process that loaded the artifact {how}{detail}",
        "the file is damaged, or its library cannot take what other versions wrote: compare its sha256 with that of "
        "where it was made, or save it again with the versions installed here",
    )


def _last_words(stderr: bytes) -> str:
    """Return the last words of a dead process: the line of Python's fault handler if it wrote one, else the last."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    fatal = [line for line in lines if line.startswith("Fatal Python error")] or lines
    return f": {fatal[-1][:300]}" if fatal else ""


def _end(child: "subprocess.Popen[bytes]", mark: descendants.Mark, before: Collection[int]) -> None:
    """Kill the child and all its descendants; `before` are the children that this process had without it."""
    below = descendants.tree(child.pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, 9)
    child.wait()
    for pid in below:
        descendants.send(pid, signal.SIGKILL)

    def left() -> list[int]:
        with FORK_LOCK:  # a process between fork and exec carries no mark yet
            KNOWN.discard(child.pid)
            # A process without a mark has wiped its environment, and became a child of this one when its parent died.
            # A child that another thread supervises shows no environment, either, at the end of its exec.
            known = {*before, *KNOWN}
            new = [pid for pid in descendants.children(os.getpid()) if pid not in known and is_running(pid)]
            new = [pid for pid in new if descendants.mark_of(pid) is None]
        return descendants.marked_by(mark) + [one for pid in new for one in (pid, *descendants.tree(pid))]

    descendants.end(left, grace_s=0)


def _failed(entry: Entry, problem: Problem) -> Manifest:
    return Manifest(
        key=entry.key,
        loader=entry.spec.loader,
        artifact=entry.artifact,
        versions=package_versions(entry.spec.loader),
        problem=problem,
    )
