"""
Describe the environment of a model: its Python, its packages, its size and what identifies it.

Three kinds: built for a requirements file, a virtualenv of somebody else's, and the packages of an interpreter itself.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from gateway.environments import interpreters
from gateway.environments.interpreters import Interpreter
from gateway.errors import LoadError
from gateway.system import atomic, files

#: Raised when environments are built otherwise: old ones are then built anew.
FORMAT: Final = 1
RECORD: Final = "environment.json"
_MOST_BYTES: Final = 16 * 2**20
_NOT_ALIKE: Final = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """
    Describe an environment that exists.

    `key` is a digest of all that decides about the answers of a model in it. `path` is its folder, "" where it is an
    interpreter with its own packages. `is_built` says that this gateway made it, so that it may delete it, too.
    `size_bytes` is what it takes on the disk; 0 where that is not ours. `requires` are the lines it was built for.
    """

    key: str
    python: str
    version: str
    packages: dict[str, str] = field(default_factory=dict)
    path: str = ""
    base: str = ""
    is_built: bool = False
    size_bytes: int = 0
    built_s: float = 0.0
    requires: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def label(self) -> str:
        """Return one line for people: Python, number of packages, size."""
        size = f", {self.size_bytes / 2**20:.0f} MB" if self.size_bytes else ""
        return f"Python {self.version}, {len(self.packages)} packages{size}"

    def version_of(self, package: str) -> str | None:
        """Return the version of a package, however its name is spelt; None where it is not installed."""
        wanted = canonical(package)
        return next((found for name, found in self.packages.items() if canonical(name) == wanted), None)


_decode: Final = msgspec.json.Decoder(Environment).decode


def canonical(name: str) -> str:
    """Return the one spelling of a package's name."""
    return _NOT_ALIKE.sub("-", name).lower()


def write(environment: Environment, folder: Path) -> None:
    """Write the record of a built environment into its folder."""
    atomic.replace_bytes(folder / RECORD, msgspec.json.format(msgspec.json.encode(environment), indent=2))


def read(folder: Path) -> Environment | None:
    """Return a built environment; None where there is none, where it is of another format, or its Python is gone."""
    try:
        found = _decode(files.read(folder / RECORD, _MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return None
    is_whole = found.format == FORMAT and found.path == str(folder) and os.access(found.python, os.X_OK)
    return found if is_whole else None


def existing(path: Path) -> Environment:
    """Return a virtualenv that somebody else made and keeps; raises LoadError `environment-broken`."""
    places = [path / "bin" / name for name in ("python", "python3")]
    python = next((one for one in places if one.is_symlink() or one.exists()), None)
    if python is None:
        what = "it has no bin/python" if path.exists() else "there is no such folder"
        raise _broken(path, what, f"python3 -m venv {path}, and install the packages of the model")
    try:
        found = interpreters.ask(str(python), packages=True)
    except LoadError as error:
        raise _broken(path, _reason(python, error), f"make it anew: python3 -m venv --clear {path}") from error
    if os.path.realpath(found.prefix) != os.path.realpath(path):
        raise _broken(
            path,
            f"its Python belongs to {found.prefix}",
            "virtualenvs do not survive a move: make it anew in its place, or name the folder that it was made in",
        )
    return _of(interpreters.must_be_new_enough(found), path=str(path))


def of_interpreter(wanted: str) -> Environment:
    """Return a Python with the packages that it has itself."""
    found = interpreters.find_python(wanted)
    return _of(interpreters.ask(found.path, packages=True))


def must_have_numpy(found: Environment, where: str, fix: str) -> Environment:
    """Return the environment; raises LoadError `environment-numpy` for one in which no model can be served."""
    if found.version_of("numpy") is None:
        raise LoadError(
            f"{where} has no numpy ({found.label}), which the server of a model needs",
            code="environment-numpy",
            hint=fix,
        )
    return found


def _of(found: Interpreter, path: str = "") -> Environment:
    return Environment(
        key=digest([found.identity, sorted(found.packages.items()), os.path.realpath(found.path), path]),
        python=found.path,
        base=found.base,
        version=found.version,
        packages=dict(sorted(found.packages.items(), key=lambda item: canonical(item[0]))),
        path=path,
    )


def digest(values: object) -> str:
    """Return 16 hex digits of what identifies an environment."""
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:16]


def named_in(packages: Mapping[str, str], names: list[str]) -> dict[str, str]:
    """Return those packages that have one of the names, however it is spelt."""
    wanted = {canonical(name) for name in names}
    return {name: version for name, version in packages.items() if canonical(name) in wanted}


def _reason(python: Path, error: LoadError) -> str:
    if python.is_symlink() and not python.exists():
        return f"its Python, {os.path.realpath(python)}, is gone"
    return error.message


def _broken(path: Path, what: str, fix: str) -> LoadError:
    return LoadError(
        f"the environment {files.shortened(str(path))} does not run: {what}", code="environment-broken", hint=fix
    )
