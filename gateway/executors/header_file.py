"""Read the file of headers that requests to a model server carry: secrets, so nobody else may read it."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.errors import LoadError
from gateway.system import files

_MOST_BYTES: Final = 64 * 1024
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
