"""
How an MLflow store is asked: its address, how long, and the file with what must stand in no environment.

The file holds lines `NAME=value`: variables of MLflow's client and of the clients of clouds, and as GATEWAY_MLFLOW_URI
an address with a password. Only the process that asks the store gets them.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.errors import LoadError, Problem
from gateway.system import files

#: The variable of the address, in the environment or in the file.
URI: Final = "GATEWAY_MLFLOW_URI"
_NAME: Final = re.compile(r"(MLFLOW|AWS|AZURE|GOOGLE|DATABRICKS)_[A-Z0-9_]+")
_MOST_BYTES: Final = 64 * 1024
_EXAMPLE: Final = "write lines such as MLFLOW_TRACKING_TOKEN=…"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """Say which store is asked and how long one answer may take; its address may hold a password."""

    uri: str | None = field(default=None, repr=False)
    timeout_s: float = 20.0
    credentials: Path | None = None

    def told(self) -> tuple[dict[str, str], Problem | None]:
        """Return the address, where one is told, with what the file of credentials holds; or why it cannot be used."""
        told = {} if self.uri is None else {URI: self.uri}
        try:
            return told if self.credentials is None else told | read_credentials(self.credentials), None
        except LoadError as error:
            return told, error.as_problem()


def read_credentials(path: Path) -> dict[str, str]:
    """Return the variables of a file; raises LoadError `mlflow-credentials`, which repeats no value."""
    try:
        with files.open_regular(path) as stream:
            _must_be_private(path, os.fstat(stream.fileno()))
            text = stream.read(_MOST_BYTES + 1).decode()
    except FileNotFoundError:
        raise _fault(path, "is not there", f"{_EXAMPLE}, and chmod 600") from None
    except (OSError, UnicodeDecodeError):
        raise _fault(path, "cannot be read", "make it a text that this user may read") from None
    if len(text) > _MOST_BYTES:
        raise _fault(path, f"has more than {_MOST_BYTES:,} bytes", _EXAMPLE)
    lines = enumerate(text.splitlines(), 1)
    return dict(_variable(path, at, line) for at, line in lines if line.strip() and not line.lstrip().startswith("#"))


def hidden(text: str, variables: Mapping[str, str]) -> str:
    """Return a text without the values of variables that are long enough to be secrets."""
    for value in sorted(variables.values(), key=len, reverse=True):
        text = text.replace(value, "…") if len(value) >= len("secret") else text
    return text


def _must_be_private(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise _fault(path, "belongs to another user", f"chown {os.geteuid()} {path}")
    if found.st_mode & 0o077:
        raise _fault(path, "can be read by other users of this machine", f"chmod 600 {path}")


def _variable(path: Path, at: int, line: str) -> tuple[str, str]:
    name, equals, value = line.strip().removeprefix("export ").partition("=")
    name, value = name.strip(), value.strip()
    if value[:1] == value[-1:] and value[:1] in ("'", '"') and len(value) > 1:
        value = value[1:-1]
    if not equals or not value or "\0" in value:
        raise _fault(path, f"line {at}: no `NAME=value`", _EXAMPLE)
    if name != URI and not _NAME.fullmatch(name):
        raise _fault(
            path,
            f"line {at}: a name that MLflow and the clients of clouds do not read",
            f"name {URI}, or variables that begin with MLFLOW_, AWS_, AZURE_, GOOGLE_ or DATABRICKS_",
        )
    return name, value


def _fault(path: Path, what: str, hint: str) -> LoadError:
    return LoadError(f"the file of credentials {path.name} {what}", code="mlflow-credentials", hint=hint)
