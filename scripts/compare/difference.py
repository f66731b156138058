"""
Compare two recordings: `python -m compare.difference BEFORE AFTER` (see README.md).

Status and body have to be equal, but for what `varying.py` names. Headers are compared too and reported by name: a
change of a header may be meant, a change of an answer is not. Ends with 1 where an answer differs.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from compare.varying import FROM_BODY, steady_header

Line = Mapping[str, Any]
#: Differences that are printed in full.
SHOWN: Final = 40


@dataclass(slots=True)
class Difference:
    """Hold what differs: answers one by one, headers counted by name and kind of change."""

    compared: int = 0
    answers: list[str] = field(default_factory=list)
    headers: Counter[str] = field(default_factory=Counter)

    def add(self, before: Line, after: Line) -> None:
        """Compare the answers to one request."""
        self.compared += 1
        title = f"{before['number']} {before['group']}/{before['server']} {before['name']!r}"
        if before["request"]["sha256"] != after["request"]["sha256"]:
            self.answers.append(f"{title}: another request was sent")
            return
        found, expected = after["answers"], before["answers"]
        if len(found) != len(expected):
            was, now = ([answer["status"] for answer in given] for given in (expected, found))
            self.answers.append(f"{title}: answers {was} became {now}")
            return
        for was, now in zip(expected, found, strict=True):
            self.answers += [f"{title}: {text}" for text in answer_changes(was, now)]
            self.headers.update(header_changes(was, now))


def answer_changes(before: Line, after: Line) -> Iterator[str]:
    """Yield how status and body differ."""
    if before["status"] != after["status"]:
        yield f"status {before['status']} became {after['status']}; {_body(before)} became {_body(after)}"
    elif before["sha256"] != after["sha256"]:
        was, now = _body(before), _body(after)
        start = next((place for place, (x, y) in enumerate(zip(was, now, strict=False)) if x != y), 0)
        start = max(start - 60, 0)
        yield f"{before['status']}: {was[start : start + 200]!r} became {now[start : start + 200]!r}"


def header_changes(before: Line, after: Line) -> Iterator[str]:
    """Yield name and kind of each change of a header."""
    was, now = _headers(before), _headers(after)
    for name in sorted(was.keys() | now.keys()):
        if name not in now:
            yield f"{name}: removed"
        elif name not in was:
            yield f"{name}: added"
        elif was[name] != now[name]:
            yield f"{name}: {_change(', '.join(was[name]), ', '.join(now[name]))}"
    if list(was) != list(now) and was.keys() == now.keys():
        yield "(order of the header lines)"


def _change(before: str, after: str) -> str:
    """Return how a value differs: of a list what was added and removed, else both."""
    was, now = before.split(", "), after.split(", ")
    parts = [f"+{word}" for word in now if word not in was] + [f"-{word}" for word in was if word not in now]
    return " ".join(parts) if parts and max(len(was), len(now)) > 1 else f"{before[:100]} -> {after[:100]}"


def _headers(answer: Line) -> dict[str, list[str]]:
    """Return the headers by lower-case name, without what has to vary."""
    found: dict[str, list[str]] = {}
    for name, value in answer["headers"]:
        if not (name.lower() in FROM_BODY and answer["varies"]):
            found.setdefault(name.lower(), []).append(steady_header(name, value))
    return found


def _body(answer: Line) -> str:
    return str(answer.get("body", f"(a long body, sha256 {answer['sha256']})"))


def read(path: Path) -> list[Line]:
    """Read a recording."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def difference(before: Sequence[Line], after: Sequence[Line]) -> Difference:
    """Compare two recordings of the same requests; raises SystemExit where they hold unlike numbers of them."""
    if len(before) != len(after):
        raise SystemExit(f"{len(before)} requests before, {len(after)} after: record both with one version of compare/")
    found = Difference()
    for was, now in zip(before, after, strict=True):
        found.add(was, now)
    return found


def main() -> None:
    """Print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--all", action="store_true", help=f"print every difference, not the first {SHOWN}")
    options = parser.parse_args()
    found = difference(read(options.before), read(options.after))
    for text in found.answers if options.all else found.answers[:SHOWN]:
        print(text)
    print(f"{found.compared} requests compared, {len(found.answers)} answers differ in status or body")
    for text, count in sorted(found.headers.items()):
        print(f"header {text}  ({count} answers)")
    sys.exit(1 if found.answers else 0)


if __name__ == "__main__":
    main()
