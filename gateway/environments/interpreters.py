"""
Find Python interpreters of this machine: only those that run when they are asked count, and none is downloaded.

Looked for on PATH, in the folders of pyenv and of uv, and by path. A shim of pyenv whose version is not active lies on
PATH and does not run.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.errors import LoadError
from gateway.system.files import shortened, stat_of
from gateway.system.known_children import known_child
from gateway.system.suggest import listing

#: The oldest Python that runs the server of a model (gateway/child).
OLDEST: Final = (3, 8)
#: A cold interpreter on a busy machine takes a second or two; a hanging one never answers.
_ASK_S: Final = 30.0
_MOST_WORDS: Final = 300
_NAME: Final = re.compile(r"python(3(\.\d+)?)?")
_VERSION: Final = re.compile(r"\d+(\.\d+){1,2}")

#: (path, time, inode) -> what an interpreter said when it was asked.
_known: dict[tuple[str, int, int], "Interpreter"] = {}

#: Runs in any Python from 3.8 on.
_QUESTION: Final = """
import json, platform, sys, sysconfig
found = {"version": platform.python_version(), "executable": sys.executable, "prefix": sys.prefix,
         "base": getattr(sys, "_base_executable", None) or sys.executable, "implementation": sys.implementation.name,
         "abi": sysconfig.get_config_var("SOABI") or "", "packages": {}}
if sys.argv[1:] == ["packages"]:
    from importlib import metadata
    for one in metadata.distributions():
        name = one.metadata["Name"]
        if name:
            found["packages"].setdefault(name, one.version)
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """
    Describe a Python that runs: `path` starts it, `base` is the one that its virtualenv was made of, else the same.

    `abi` names the builds of extension modules that fit it. `packages` (name -> version) are set where they were asked
    for.
    """

    path: str
    base: str
    version: str
    implementation: str
    abi: str
    prefix: str = ""
    packages: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return what decides which packages fit it."""
        return self.implementation, self.version, self.abi


def find_python(wanted: str = "") -> Interpreter:
    """
    Return the Python of a version (`3.9`, `3.9.18`) or a path; "" is the one that runs the gateway.

    Raises LoadError `python-not-found` or `python-too-old`.
    """
    if not wanted:
        return must_be_new_enough(ask(sys.executable))
    if not _VERSION.fullmatch(wanted):
        return must_be_new_enough(_by_path(wanted))
    fitting = [one for one in _named(wanted) if _is_of(one.version, wanted)]
    fitting = fitting or [one for one in known() if _is_of(one.version, wanted)]
    if not fitting:
        raise LoadError(
            f"no Python {wanted} runs on this machine; these do: {_usable()}",
            code="python-not-found",
            hint=f"name one of these; or install it, such as by `pyenv install {wanted}`, and name its path",
        )
    own = [one for one in fitting if os.path.realpath(one.path) == os.path.realpath(sys.executable)]
    return must_be_new_enough((own or sorted(fitting, key=lambda one: _numbers(one.version), reverse=True))[0])


def known() -> list[Interpreter]:
    """Return every Python that was found and runs, the newest first, one of each installation."""
    found: dict[str, Interpreter] = {}
    for path in (sys.executable, *_candidates()):
        one = _answer_of(path)
        if one is not None:
            found.setdefault(os.path.realpath(one.base), one)
    return sorted(found.values(), key=lambda one: _numbers(one.version), reverse=True)


def ask(path: str, *, packages: bool = False) -> Interpreter:
    """Return what an interpreter says of itself; raises LoadError `python-not-found` for one that does not run."""
    said = _said(path, packages=packages)
    if isinstance(said, Interpreter):
        return said
    raise LoadError(
        f"the Python {shortened(path)} does not run: {said}",
        code="python-not-found",
        hint=f"name one that runs: {_usable()}",
    )


def _by_path(path: str) -> Interpreter:
    place = Path(path).expanduser()
    if place.is_dir():
        raise LoadError(
            f"{shortened(path)} is a folder, not an interpreter",
            code="python-not-found",
            hint="name the program in it (`python: …/bin/python3`); a virtualenv is named by `environment:`",
        )
    return ask(str(place))


def must_be_new_enough(one: Interpreter) -> Interpreter:
    """Return an interpreter; raises LoadError `python-too-old` for one that cannot run the server of a model."""
    if _numbers(one.version)[:2] < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise LoadError(
            f"Python {one.version} ({one.path}) is too old: the server of a model needs {oldest} or newer",
            code="python-too-old",
            hint=f"name a newer one: {_usable()}",
        )
    return one


def _usable() -> str:
    """Return the Pythons that may be named, for a message."""
    found = [one for one in known() if _numbers(one.version)[:2] >= OLDEST]
    return listing([f"{one.version} ({one.path})" for one in found], most=20)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _is_of(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")


def _named(wanted: str) -> Iterator[Interpreter]:
    """Yield the candidates whose names say that they are of this version: asking all would start each of them."""
    for path in _candidates():
        if Path(path).name == f"python{wanted}" or any(part.startswith(wanted) for part in Path(path).parts):
            one = _answer_of(path)
            if one is not None:
                yield one


def _candidates() -> Iterator[str]:
    """Yield the paths of programs that look like Pythons, those of PATH first."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        names = _names_in(Path(folder)) if folder else []
        yield from (str(Path(folder) / name) for name in sorted(names) if _NAME.fullmatch(name))
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    for place in (pyenv, uv):
        for name in sorted(_names_in(place)):
            path = place / name / "bin" / "python3"
            if path.exists():
                yield str(path)


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _answer_of(path: str) -> Interpreter | None:
    said = _said(path, packages=False)
    return said if isinstance(said, Interpreter) else None


def _said(path: str, *, packages: bool) -> Interpreter | str:
    """Return the interpreter, or why it does not run; for packages every one is asked every time."""
    found = stat_of(Path(path))
    if found is None:
        return "there is no such file"
    if packages:
        return _asked(path, True)
    state = (path, found.st_mtime_ns, found.st_ino)
    if state not in _known:
        said = _asked(path, False)
        if isinstance(said, str):  # may run the next time: a busy machine, a version of pyenv that was made active
            return said
        _known[state] = said
    return _known[state]


def _asked(path: str, packages: bool) -> Interpreter | str:
    # Isolated, as the server of a model will be: no PYTHONPATH, no packages of the user.
    words = [path, "-I", "-B", "-c", _QUESTION, *(["packages"] if packages else [])]
    pipe = subprocess.PIPE
    try:
        with known_child(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as asked:
            told, complaint = asked.communicate(timeout=_ASK_S)
    except subprocess.TimeoutExpired:
        return f"it gave no answer within {_ASK_S:g} s"
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    try:
        return _interpreter(path, json.loads(told))
    except (ValueError, TypeError, KeyError):
        complaints = complaint.strip().splitlines() or [f"it exited with {asked.returncode} and said nothing of itself"]
        return complaints[0][:_MOST_WORDS]


def _interpreter(path: str, said: dict[str, Any]) -> Interpreter:
    return Interpreter(
        path=path,
        base=str(said["base"]),
        version=str(said["version"]),
        implementation=str(said["implementation"]),
        abi=str(said["abi"]),
        prefix=str(said["prefix"]),
        packages={str(name): str(version) for name, version in said["packages"].items()},
    )
