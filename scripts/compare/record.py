"""
Record what a checkout answers to some thousand requests over every dialect: `python -m compare.record TREE OUT`.

TREE is a checkout with its `.venv` (see README.md). One line of OUT is one request, with all of its answers. The
requests are the same in every run: whatever is chosen is chosen from one seed, and a server has one worker.
"""

import argparse
import base64
import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from compare.registries import lay_out
from compare.requests import bodies, closed, documents, heads, predicting
from compare.requests.base import Request
from compare.served import Server, ask, serving
from compare.varying import steady_body
from compare.wire import Answer, Connection, alone, is_last

SEED: Final = 11
Line: TypeAlias = dict[str, Any]
#: Longer bodies are recorded as their checksum alone.
WHOLE_BYTES: Final = 64 * 1024
#: Deaths that close a route come within it.
CLOSING_S: Final = 60.0
#: The documents come last: they show what all others have counted.
GROUPS: Final[Mapping[str, Callable[[random.Random], Iterator[Request]]]] = {
    "predicting": predicting.requests,
    "bodies": bodies.requests,
    "heads": heads.requests,
    "documents": documents.requests,
    "closed": closed.requests,
}


def all_requests() -> list[tuple[str, Request]]:
    """Return every request with its group, in the order in which they are sent."""
    return [(group, request) for group, make in GROUPS.items() for request in make(random.Random(SEED))]


class Sender:
    """Send requests to one server, those of the ordinary kind over one connection that is kept."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._kept: Connection | None = None

    def send(self, request: Request) -> list[Answer]:
        """Return the answers to a request; none where the connection was closed without one."""
        if request.alone:
            self._drop()  # it would be idle for too long
            return alone(self._server.port, request.pieces, request.count, ends=request.ends)
        if not request.first:
            return [self._ordinary(request)]
        busy = Connection(self._server.port)
        busy.send(request.first)
        time.sleep(0.15)
        try:
            return [self._ordinary(request), busy.answer()]
        finally:
            busy.close()

    def _ordinary(self, request: Request) -> Answer:
        connection = self._kept or Connection(self._server.port)
        connection.send(request.pieces[0])
        try:
            answer = connection.answer(to_head=request.is_head)
        except EOFError:
            answer = Answer(0, (("Connection", "close"),), b"closed without an answer")
        self._kept = connection
        if is_last(answer):
            self._drop()
        return answer

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def line_of(number: int, group: str, request: Request, answers: list[Answer], folder: str) -> Line:
    """Return the line of one request; `folder` is where the registries of this recording lie."""
    sent = b"".join(request.pieces)
    return {
        "number": number,
        "group": group,
        "server": request.server,
        "name": request.name,
        "request": {"sha256": hashlib.sha256(sent).hexdigest(), "head": sent[:300].decode("latin-1")},
        "answers": [_answer(answer, folder, is_metrics=b" /metrics" in sent[:20]) for answer in answers],
    }


def _answer(answer: Answer, folder: str, *, is_metrics: bool) -> Line:
    content = answer.content
    steady = steady_body(content, is_metrics=is_metrics).replace(folder.encode(), b"<folder>")
    line: Line = {
        "status": answer.status,
        "headers": [list(pair) for pair in answer.headers],
        "sha256": hashlib.sha256(steady).hexdigest(),
        "varies": steady != content,
    }
    try:
        shown = steady.decode()
    except UnicodeDecodeError:
        shown = "base64:" + base64.b64encode(steady).decode()
    return line | ({"body": shown} if len(shown) <= WHOLE_BYTES or is_metrics else {})


def record(tree: Path, out: Path, scratch: Path, port: int, settings: Mapping[str, str]) -> int:
    """Serve each registry in turn, send its requests, write their lines; return how many there are."""
    registries = lay_out(tree, scratch / "served")
    lines: list[Line] = []
    numbered = list(enumerate(all_requests()))
    for name, registry in registries.items():
        mine = [(number, group, request) for number, (group, request) in numbered if request.server == name]
        with serving(tree, name, registry, scratch / "homes" / name, port, **settings) as server:
            if name == "closed":
                close_route(server)
            sender = Sender(server)
            lines += [
                line_of(number, group, request, sender.send(request), str(scratch)) for number, group, request in mine
            ]
    mark_empty(lines)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{json.dumps(line)}\n" for line in sorted(lines, key=lambda line: line["number"])))
    return len(lines)


def mark_empty(lines: list[Line]) -> None:
    """Let answers without a body, to HEAD and 304, vary where the answer with the body does."""
    varying = {_target(line) for line in lines for answer in line["answers"] if answer["varies"]}
    for line in lines:
        for answer in line["answers"]:
            answer["varies"] = answer["varies"] or (answer.get("body") == "" and _target(line) in varying)


def _target(line: Line) -> tuple[str, str]:
    return line["server"], line["request"]["head"].split(" ", 2)[1:2][0] if " " in line["request"]["head"] else ""


def close_route(server: Server) -> None:
    """Let a route end its workers until it is closed."""
    deadline = time.monotonic() + CLOSING_S
    while time.monotonic() < deadline:
        try:
            if b"quarantined" in ask(server.port, closed.KILLING)[1]:
                return
        except (OSError, EOFError):
            time.sleep(0.2)
    raise SystemExit(f"{closed.KILLING} was not closed within {CLOSING_S:g} s")


def main() -> None:
    """Record one checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="a checkout with its .venv")
    parser.add_argument("out", type=Path, help="the file to write, one JSON object a line")
    parser.add_argument("--port", type=int, default=8765, help="the same for all recordings that are compared")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting that must change no answer"
    )
    options = parser.parse_args()
    settings = dict(text.split("=", 1) for text in options.set)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compare-", ignore_cleanup_errors=True) as scratch:
        count = record(options.tree.resolve(), options.out, Path(scratch).resolve(), options.port, settings)
    print(f"{count} requests in {time.monotonic() - began:.0f} s: {options.out}")


if __name__ == "__main__":
    main()
