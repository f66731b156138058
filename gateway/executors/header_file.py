"""Read the file of headers that requests to a model server carry: secrets, so nobody else may read it."""

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.errors import LoadError
from gateway.system import files

log = logging.getLogger("gateway.executor")

_MOST_BYTES: Final = 64 * 1024
#: The file is looked at again after this time, which costs a microsecond.
_LOOK_S: Final = 1.0
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
#: Headers that say how the request is framed, which only the client knows.
_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "content-type", "accept-encoding", "expect", "te",
     "upgrade", "inference-header-content-length", "x-gateway-timeout-ms"}
)  # fmt: skip


def read_headers(path: Path) -> dict[str, str]:
    """Return the headers of a YAML or JSON file; raises LoadError `headers-file`, which repeats no value."""
    seen = files.stat_of(path)
    if seen is None:
        raise _fault(path, "is not there", "write it: a YAML mapping of header -> value, and chmod 600")
    if seen.st_mode & 0o077:
        raise _fault(path, "can be read by other users of this machine", f"chmod 600 {path}")
    try:
        found = yaml.safe_load(files.read(path, _MOST_BYTES).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(path, "cannot be read", "make it a readable text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        # Not chained: the error of the parser repeats the line, which may hold a secret.
        raise _fault(path, f"is no YAML{where}", "write one `Header: value` on each line") from None
    if not isinstance(found, dict):
        raise _fault(path, "holds no mapping", "write one `Header: value` on each line")
    return {name: _value(path, name, value) for name, value in found.items() if _is_header(path, name)}


class HeaderFile:
    """
    Follow a file of headers: a token that was changed in it is sent from the next second on.

    A file that has become wrong is told in the log, and the headers before go on. Thread-safe: what is read is replaced
    as a whole.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; raises LoadError `headers-file`."""
        self._path = path
        self._print = _print_of(path)
        self._lines = _lines(read_headers(path))
        self._look_at = time.monotonic() + _LOOK_S

    @property
    def lines(self) -> bytes:
        """Return the header lines of now, each with its end."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._look()
        return self._lines

    def _look(self) -> None:
        seen = _print_of(self._path)
        if seen == self._print:
            return
        self._print = seen
        try:
            self._lines = _lines(read_headers(self._path))
        except LoadError as error:
            extra = {"reason": error.message, "fix": error.hint}
            log.error("the file of headers cannot be used; those before go on", extra=extra)
        else:
            log.info("the file of headers was read again", extra={"file": self._path.name})


def _print_of(path: Path) -> tuple[int, ...]:
    seen = files.stat_of(path)
    return () if seen is None else (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_size)


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def _is_header(path: Path, name: Any) -> bool:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _fault(path, "holds a name that is no header's", "write one `Header: value` on each line")
    if name.lower() in _OURS:
        raise _fault(path, f"sets {name}, which each request sets itself", f"take {name} out of it")
    return True


def _value(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str | int) or not _VALUE.fullmatch(str(value)):
        raise _fault(path, f"holds a value of {name} that no header may have", "make it a text on one line")
    return str(value)


def _fault(path: Path, what: str, hint: str) -> LoadError:
    return LoadError(f"the file of headers {path.name} {what}", code="headers-file", hint=hint)
