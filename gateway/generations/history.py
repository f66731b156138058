"""History of changes: one JSON line per attempt to change the committed state, the newest last, with running totals."""

import contextlib
import logging
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from gateway.system import atomic, files

log = logging.getLogger("gateway.transaction")

FILE = "history.jsonl"
#: Results after which another generation may be served.
COMMITS = ("committed", "rolled-back")
#: The file is cut to its newer half beyond this; one line is about 300 bytes.
MAX_BYTES = 512 * 1024
#: Enough for the last line: a refusal may carry a report of many faults.
TAIL_BYTES = 64 * 1024
#: Characters of a reason that are stored.
MAX_REASON = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    Record one attempt to change the committed state.

    `result` is committed, refused, unchanged or rolled-back. `roll` says that workers are replaced after the swap,
    `forced` that the attempt was forced, which also lifts quarantines. `source` is informative only: no decision
    depends on it. `faults` is the number of faults in the reason of a refusal. `totals` counts all attempts so far by
    result.
    """

    result: str
    generation: str = ""
    reason: str = ""
    faults: int = 0
    source: str = ""
    at: float = 0.0
    took_s: float = 0.0
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    roll: bool = False
    forced: bool = False
    registry_sha256: str = ""
    totals: dict[str, int] = field(default_factory=dict)
    last_success_at: float = 0.0


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Event).decode


def record(state_dir: Path, event: Event, *, source: str, started: float, forced: bool = False) -> Event:
    """Log an attempt that began at `started` (time.monotonic()), and append it."""
    took_s = round(time.monotonic() - started, 3)
    if event.result != "unchanged":
        log.info("reload", extra={"generation": event.generation, "result": event.result, "took_s": took_s})
    return append(state_dir, replace(event, source=source, took_s=took_s, forced=forced))


def append(state_dir: Path, event: Event) -> Event:
    """Append an attempt and return it with time and totals; on a full disk the line is lost, not the reload."""
    before = last(state_dir)
    totals = dict(before.totals) if before else {}
    totals[event.result] = totals.get(event.result, 0) + 1
    now = time.time()
    last_success_at = before.last_success_at if before else 0.0
    event = replace(
        event,
        at=now,
        reason=event.reason[:MAX_REASON],
        totals=totals,
        last_success_at=last_success_at if event.result == "refused" else now,
    )
    path = state_dir / FILE
    with contextlib.suppress(OSError):
        _cut(path)
        # Without waiting, should it be a pipe.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(msgspec.json.encode(event) + b"\n")
    return event


def events(state_dir: Path) -> list[Event]:
    """Return every attempt that is remembered, oldest first."""
    return _parse(_tail(state_dir / FILE, MAX_BYTES * 2))


def since(state_dir: Path, at: float) -> list[Event]:
    """Return the attempts after a time, oldest first; without new ones it reads one line."""
    newest = last(state_dir)
    if newest is None or newest.at <= at:
        return []
    return [event for event in events(state_dir) if event.at > at]


def last(state_dir: Path) -> Event | None:
    """Return the newest attempt."""
    # Usually the last line of a short tail; an event with thousands of routes is longer.
    for size in (TAIL_BYTES, MAX_BYTES * 2):
        for line in reversed(_tail(state_dir / FILE, size)):
            if found := _parse([line]):
                return found[0]
    return None


def _tail(path: Path, size: int) -> list[bytes]:
    try:
        with files.open_regular(path) as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(end - size, 0))
            return stream.read(size).splitlines()
    except OSError:
        return []


def _parse(lines: list[bytes]) -> list[Event]:
    found = []
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError):  # the first line of a tail, the last one of a full disk
            found.append(_decode(line))
    return found


def _cut(path: Path) -> None:
    if files.is_file(path) and path.stat().st_size > MAX_BYTES:
        lines = path.read_bytes().splitlines(keepends=True)
        atomic.replace_bytes(path, b"".join(lines[len(lines) // 2 :]))
