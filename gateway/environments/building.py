"""
Build the environment of a requirements file once: in a temporary sibling, under a lock, compiled, then renamed.

Its folder is named by a key over the requirements, the Python and the platform. What is there is used as it is, and no
network is asked for it; what was killed on its way leaves a draft, never half an environment.
"""

import contextlib
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.environments import environment, interpreters, uv
from gateway.environments.environment import Environment, canonical, digest
from gateway.environments.interpreters import Interpreter
from gateway.environments.requirements import Requirements, read_requirements
from gateway.errors import LoadError
from gateway.system.locks import locked

log = logging.getLogger("gateway.prepare")

#: Seconds that a build may take: a framework for GPUs is 3 GB.
DEFAULT_S: Final = 1800.0
DRAFT: Final = ".draft-"
#: Words of uv when it reached no index.
_NO_INDEX: Final = re.compile(
    r"error sending request|failed to (fetch|download)|connection|dns error|network was disabled|timed out|certificate",
    re.IGNORECASE,
)
_END_OF_NAME: Final = re.compile(r"[\s<>=!~;\[@]")
_MOST_UNPINNED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Say which environment a requirements file asks for, and where it is or will be."""

    key: str
    folder: Path
    file: Path
    requirements: Requirements
    python: Interpreter

    @property
    def label(self) -> str:
        """Return one line for people: Python, file, number of requirements."""
        count = len(self.requirements.lines)
        counted = "1 requirement" if count == 1 else f"{count} requirements"
        return f"Python {self.python.version}, {self.file.name} ({counted})"

    def found(self) -> Environment | None:
        """Return the environment if it has been built."""
        return environment.read(self.folder)


def planned(file: Path, wanted: str, cache_dir: Path) -> Plan:
    """Return what is to be built for a requirements file and a Python; raises LoadError."""
    requirements = read_requirements(file)
    python = interpreters.find_python(wanted)
    key = digest([environment.FORMAT, requirements.identity, python.identity, sys.platform])
    return Plan(key=key, folder=folder_of(cache_dir) / key, file=file, requirements=requirements, python=python)


def folder_of(cache_dir: Path) -> Path:
    """Return the folder of all built environments, by its real path: one that is reached by two names is one."""
    return Path(os.path.realpath(cache_dir)) / "environments"


def built(plan: Plan, timeout_s: float = DEFAULT_S) -> Environment:
    """Return the environment of a plan, building it where it is not there; raises LoadError."""
    known = plan.found()
    if known is not None:
        return _used(known)
    uv.find_uv()
    try:
        plan.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = plan.folder.parent / f"{plan.key}.lock"
        with locked(lock):
            try:
                return plan.found() or _build(plan, timeout_s)
            finally:
                lock.unlink(missing_ok=True)
    except OSError as error:
        raise LoadError(
            f"the environment cannot be built in {plan.folder.parent}: {error.strerror or error}",
            code="cache-unwritable",
            hint="free disk space or make the folder writable (GATEWAY_HOME moves it)",
        ) from error


def _used(known: Environment) -> Environment:
    """Note that an environment is in use: unused ones are deleted after a day."""
    with contextlib.suppress(OSError):
        os.utime(known.path)
    return known


def _build(plan: Plan, timeout_s: float) -> Environment:
    log.info("building an environment", extra={"environment": plan.key, "reason": plan.label})
    started = time.monotonic()
    with _draft(plan) as draft:
        _install(plan, draft, timeout_s)
        python = interpreters.ask(str(draft / "bin" / "python"), packages=True)
        found = Environment(
            key=plan.key,
            python=str(plan.folder / "bin" / "python"),
            base=python.base,
            version=python.version,
            packages=dict(sorted(python.packages.items(), key=lambda item: canonical(item[0]))),
            path=str(plan.folder),
            is_built=True,
            size_bytes=size_below(draft),
            built_s=round(time.monotonic() - started, 2),
            requires=tuple(plan.requirements.lines),
            warnings=tuple(_warnings(plan)),
        )
        name = plan.file.name
        environment.must_have_numpy(found, f"what {name} asks for", f"add the line `numpy` to {name}")
        environment.write(found, draft)
        # Another builder may have waited for a lock file that is deleted by now: what is whole stays.
        if plan.found() is None:
            _forget(plan.folder)  # its Python is gone, or it is of an older format
            draft.rename(plan.folder)
    log.info(
        "environment built",
        extra={"environment": plan.key, "reason": found.label, "duration_ms": round(1e3 * found.built_s)},
    )
    return found


def _forget(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


@contextlib.contextmanager
def _draft(plan: Plan) -> Iterator[Path]:
    """Yield a folder beside the one to be made; those that killed builds of the same environment left are deleted."""
    for left in plan.folder.parent.glob(f"{DRAFT}{plan.key}-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=plan.folder.parent, prefix=f"{DRAFT}{plan.key}-"))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _install(plan: Plan, draft: Path, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    lines = draft.with_name(f"{draft.name}.txt")
    constraints = draft.with_name(f"{draft.name}.constraints.txt")
    try:
        make = ["venv", "--quiet", "--relocatable", "--allow-existing", "--python", plan.python.base, str(draft)]
        uv.run(make, folder=draft, timeout_s=timeout_s)
        lines.write_text("\n".join([*plan.requirements.lines, ""]), encoding="utf-8")
        constraints.write_text("\n".join([*plan.requirements.constraints, ""]), encoding="utf-8")
        words = ["pip", "install", "--quiet", "--python", str(draft / "bin" / "python"), "--compile-bytecode"]
        words += [*plan.requirements.options, "--requirements", str(lines), "--constraints", str(constraints)]
        uv.run(words, folder=draft, timeout_s=max(until - time.monotonic(), 1.0))
    except uv.Failed as failed:
        raise _not_built(plan, failed.words) from failed
    except TimeoutError as error:
        raise LoadError(
            f"building the environment of {plan.file.name} took longer than {timeout_s:g} s",
            code="environment-timeout",
            hint="raise GATEWAY_ENVIRONMENT_TIMEOUT_S; uv keeps what it downloaded, so the next try goes on from there",
        ) from error
    finally:
        lines.unlink(missing_ok=True)
        constraints.unlink(missing_ok=True)


def _not_built(plan: Plan, words: str) -> LoadError:
    failed = _named(plan, words)
    what = f"'{failed}' cannot be installed for Python {plan.python.version}" if failed else "it cannot be built"
    if _NO_INDEX.search(words):
        fix = "reach the index that uv is set up for; what was downloaded once is found in the cache of uv"
    else:
        fix = f"correct the line in {plan.file.name}, or name a Python that the package has releases for (`python:`)"
    return LoadError(f"environment of {plan.file.name}: {what}; uv says: {words}", code="environment-build", hint=fix)


def _named(plan: Plan, words: str) -> str:
    """Return the requirement that the words of uv name first; "" where they name none."""
    text = canonical(words)
    places = {}
    for line in plan.requirements.lines:
        file = Path(line.partition(" ; ")[0]).name
        name = canonical(_END_OF_NAME.split(file.partition("-")[0] if file.endswith(".whl") else line, maxsplit=1)[0])
        match = re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", text)
        if match:
            places[line] = match.start()
    return min(places, key=lambda line: places[line]) if places else ""


def _warnings(plan: Plan) -> Iterator[str]:
    names = plan.requirements.unpinned
    if names:
        more = f" and {len(names) - _MOST_UNPINNED} more" if len(names) > _MOST_UNPINNED else ""
        yield (
            f"{plan.file.name} pins no version of {', '.join(names[:_MOST_UNPINNED])}{more}: built again, the "
            "environment may answer otherwise"
        )


def size_below(folder: Path) -> int:
    """Return the bytes that a folder takes on the disk; a file that uv links from its cache counts, too."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - 20,000 files
    return total
