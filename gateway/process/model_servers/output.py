"""Output of a model server: each line becomes a log record of ours, with the route and the process that wrote it."""

import contextlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final

log = logging.getLogger("gateway.model_server")

#: Longer lines are logged in pieces.
MOST_BYTES: Final = 16 * 1024
#: Lines that tell how a process ended.
_KEPT_LINES: Final = 20
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.ERROR,
}
#: Names that a log record has itself.
_TAKEN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "ts", "level", "msg"}


class Output:
    """Read the output of one process in a thread until its end; `routes` are told in every record."""

    def __init__(self, descriptor: int, pid: int, routes: Callable[[], str]) -> None:
        self._descriptor = descriptor
        self._about = {"server_pid": pid}
        self._routes = routes
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def last_words(self) -> str:
        """Return the last line that says something; "" where there is none."""
        return next((line for line in reversed(self._last) if line.strip()), "")

    def follow(self) -> None:
        """Log every line; returns when all writers have closed."""
        # Unbuffered: the lock of a buffered reader would be held by this thread when a worker is forked.
        rest = b""
        while data := self._read():
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MOST_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._write(line.decode("utf-8", "replace"))
        if rest:
            self._write(rest.decode("utf-8", "replace"))

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, MOST_BYTES)
        except OSError:
            return b""

    def _write(self, line: str) -> None:
        if not line.strip():
            return
        level, text, extra = _record(line)
        self._last.append(text)
        log.log(level, "%s", text, extra={**extra, "route": self._routes(), **self._about})


def _record(line: str) -> tuple[int, str, dict[str, Any]]:
    """Return level, text and fields of a line: of a JSON object with `msg`, else the line itself."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and isinstance(said.get("msg"), str):
                level = _LEVELS.get(str(said.get("level", "info")).lower(), logging.INFO)
                fields = {name: value for name, value in said.items() if name not in _TAKEN}
                return level, said["msg"], fields
    return logging.INFO, line, {}
