"""
Structured logs: one line per event on stderr, as JSON or text, without values that a client or a secret sent.

Also writes the access log, one line per answered request.
"""

import atexit
import logging
import os
import re
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Literal

import msgspec
from gunicorn.glogging import Logger
from msgspec import UNSET, UnsetType

from gateway.system.line_writer import LineWriter, Schedule

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
#: Extra fields with one of these words in their name are never written.
_SECRET = ("authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "apikey", "credential")
#: Extra fields with these names are never written: they hold the values of a request.
_INPUTS = frozenset(("inputs", "instances", "instance", "body", "data", "values", "row", "form", "query"))
_REDACTED = "[redacted]"
_LEVELS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
_MAX_TRACE = 16_384
#: DEL, the controls of Latin-1, line ends of Unicode, marks without width, and those that turn text around.
_UNPRINTABLE = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SERVER_FAULT = 500


def _encodable(value: object) -> object:
    """Convert a path or an exception to text, any other object to the name of its type: a repr could hold inputs."""
    return str(value) if isinstance(value, PurePath | BaseException) else f"<{type(value).__name__}>"


_encode = msgspec.json.Encoder(enc_hook=_encodable).encode


class _Sink(LineWriter):
    """Write log lines to stderr in the chosen format."""

    format: Literal["json", "text"] = "json"
    access = True


_sink = _Sink(2)
os.register_at_fork(after_in_child=_sink.after_fork)
atexit.register(_sink.flush)


class _Handler(logging.Handler):
    """Format records as lines and write them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            event = _event(record)
            _sink.write(_line(event))
        except Exception:
            self.handleError(record)


def configure(level: str = "info", log_format: Literal["json", "text"] = "json", *, access: bool = True) -> None:
    """Send all Python logging to stderr; call it once per process tree, again to change format or level."""
    _sink.format = log_format
    _sink.access = access and logging.getLevelName(level.upper()) <= logging.INFO
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_Handler())
    root.setLevel(level.upper())
    logging.captureWarnings(True)


def defer_access_lines(schedule: Schedule | None) -> None:
    """
    Buffer access lines until the callback given to `schedule` runs: one write per turn of an event loop.

    Called in the thread of that loop. Every other line is written at once, after the access lines before it.
    """
    _sink.defer(schedule)


def flush() -> None:
    """Write the buffered lines; call it before `os._exit`."""
    _sink.flush()


class AccessLine(msgspec.Struct, kw_only=True):
    """Hold the access line of one answered request; `access` fills in `ts` and `level`."""

    ts: str = ""
    level: str = "info"
    logger: str = "gateway.access"
    msg: str = "request"
    request_id: str
    #: Address of the client, or of the nearest proxy that is not trusted; empty for a Unix socket.
    client: str = ""
    route: str
    method: str
    code: int
    duration_ms: float
    rows: int = 1
    generation: str = ""
    #: Set if the request belongs to a distributed trace.
    trace_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    parent_span_id: str | UnsetType = UNSET
    tracestate: str | UnsetType = UNSET


def writes_access() -> bool:
    """Say whether access lines are written, so that callers make none in vain."""
    return _sink.access


def access(line: AccessLine) -> None:
    """Write the access line of one request, if the access log is on; cheaper than a log record."""
    if not _sink.access:
        return
    line.ts = _timestamp(time.time())
    line.duration_ms = round(line.duration_ms, 3)
    if line.code >= _SERVER_FAULT:
        line.level = "error"
    _sink.add(_json(line) if _sink.format == "json" else _text(_fields(line)))


def _fields(line: AccessLine) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(line).items() if value is not UNSET}


def _event(record: logging.LogRecord) -> dict[str, object]:
    event: dict[str, object] = {
        "ts": _timestamp(record.created),
        "level": _LEVELS.get(record.levelno, record.levelname.lower()),
        "logger": record.name,
        "msg": record.getMessage(),
        "pid": record.process,
    }
    for name, value in vars(record).items():
        if name not in _STANDARD:
            event[name] = _redacted(name, value)
    if record.exc_info and record.exc_info[0] is not None:
        event["exception"] = "".join(traceback.format_exception(*record.exc_info))[-_MAX_TRACE:]
    return event


def _redacted(name: str, value: object) -> object:
    lower = name.lower()
    if lower in _INPUTS or any(word in lower for word in _SECRET):
        return _REDACTED
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", inner) for inner in value]
    return value


def _line(event: dict[str, object]) -> bytes:
    return _json(event) if _sink.format == "json" else _text(event)


def _json(event: object) -> bytes:
    """Return a line of JSON without characters that control a terminal or turn its text around."""
    line = _encode(event)
    if not line.isascii() or b"\x7f" in line:
        # JSON escapes those below the blank only. All others stand in texts, where these escapes mean the same.
        line = _UNPRINTABLE.sub(_escaped, line.decode()).encode()
    return line + b"\n"


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _text(event: dict[str, object]) -> bytes:
    rest = dict(event)
    head = [str(rest.pop(key)) for key in ("ts", "level", "logger", "msg")]
    trace = str(rest.pop("exception", ""))
    shown = " ".join(f"{key}={_plain(value)}" for key, value in rest.items() if value != "")
    line = f"{head[0]} {head[1]:7} {head[2]}: {_one_line(head[3])} {shown}".rstrip() + "\n"
    rows = "".join(f"    {_one_line(row)}\n" for row in trace.splitlines())
    return (line + rows).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    """Return a value for a line of text; one that a client could make look like two stands in quotes."""
    if not isinstance(value, str):
        return _one_line(_encode(value).decode())
    if " " not in value and '"' not in value:
        return _one_line(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_one_line(escaped)}"'


def _one_line(text: str) -> str:
    """Escape characters that could begin a new line or control a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    """Format a second once: there are many lines in each."""
    return datetime.fromtimestamp(whole, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


class GunicornLogger(Logger):  # type: ignore[misc]
    """Send the logs of gunicorn through the same handler (`logger_class = "gateway.logs.GunicornLogger"`)."""

    def setup(self, cfg: Any) -> None:
        """Remove the handlers of gunicorn's loggers, so that their records reach the root handler."""
        self.loglevel = getattr(logging, str(cfg.loglevel).upper(), logging.INFO)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        self.error_log.setLevel(self.loglevel)
        if not logging.getLogger().handlers:
            configure(str(cfg.loglevel))

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write nothing: the gateway writes access lines itself, with the route."""

    def reopen_files(self) -> None:
        """Do nothing: stderr is never reopened."""

    def close_on_exec(self) -> None:
        """Do nothing: stderr stays open."""
