"""Read from the source which fault codes exist and what they say; knows no document."""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError
from gateway.rest.errors import STATUS, STATUS_OF_CODE

ROOT: Final = Path(__file__).resolve().parent.parent
GATEWAY: Final = ROOT / "gateway"
GOLDEN: Final = ROOT / "tests/registry/errors"
#: Classes that stop a route, not a request.
ROUTE_ERRORS: Final = ("ArtifactError", "LoadError")
#: Calls that note a fault of a request, and the position of the code among their arguments.
REQUEST_FAULTS: Final = {"Fault": 1, "refuse": 0, "Reject": 0, "add": 1}
_CODE: Final = re.compile(r"[a-z]+[0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Hold one place in the source that makes an error: its code, the class or function, its message."""

    code: str
    maker: str
    message: str


def text_of(node: ast.AST | None) -> str:
    """Return a message as written, with `…` for what is filled in; '' where it is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


@functools.cache
def _calls() -> tuple[tuple[str, ast.Call], ...]:
    """Return each call outside of the registry and the name that it calls; parsing the package takes seconds."""
    return tuple(_found_calls())


def _found_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(GATEWAY.rglob("*.py")):
        if "registry" in path.relative_to(GATEWAY).parts:
            continue  # these have golden pairs
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield getattr(node.func, "id", getattr(node.func, "attr", "")), node


def named(makers: tuple[str, ...]) -> list[Found]:
    """Return the errors that these classes make with a code of their own, once per code."""
    found: dict[str, Found] = {}
    for maker, call in _calls():
        code = next((text_of(word.value) for word in call.keywords if word.arg == "code"), "")
        texts = [text_of(argument) for argument in call.args]
        if maker == "Problem" and texts:  # its code comes first
            code, texts = texts[0], texts[1:]
        if maker in makers and code:
            told = texts or [text_of(word.value) for word in call.keywords if word.arg == "message"]
            found.setdefault(code, Found(code, maker, told[0] if told else ""))
    return sorted(found.values())


def statuses() -> list[tuple[int, str, str]]:
    """Return (status, code, message) of every error whose code, or whose class, stands in the tables of statuses."""
    of_class = {kind.__name__: status for kind, status in STATUS.items() if kind is not GatewayError}
    rows: dict[tuple[int, str], str] = {}
    for maker, call in _calls():
        code = next((text_of(word.value) for word in call.keywords if word.arg == "code"), "")
        status = STATUS_OF_CODE.get(code) if maker == "RequestError" else of_class.get(maker)
        if status is not None and code and (text_of(call.args[0]) or maker == "RequestError"):
            rows.setdefault((status, code), text_of(call.args[0]))
    return sorted((status, code, message) for (status, code), message in rows.items())


def request_codes() -> list[str]:
    """Return every code that may stand in `errors` of a 400."""
    found = set()
    for maker, call in _calls():
        position = REQUEST_FAULTS.get(maker)
        if position is not None and len(call.args) > position:
            code = text_of(call.args[position])
            if _CODE.fullmatch(code):
                found.add(code)
    return sorted(found)


def registry_codes() -> list[tuple[str, str, str]]:
    """Return (code, an example of its message, the fix) from the golden reports."""
    rows = []
    for path in sorted(GOLDEN.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        first = re.sub(r"^[^:]+(:\d+:\d+)?: ", "", lines[0]).rsplit("  [", 1)[0]
        fix = next((line.strip().removeprefix("fix: ") for line in lines if line.startswith("  fix: ")), "")
        rows.append((path.stem, first, fix))
    return rows


def is_used(attribute: str) -> bool:
    """Say whether anything above the registry reads an attribute of a spec."""
    pattern = re.compile(rf"\.{attribute}\b")
    paths = (path for path in GATEWAY.rglob("*.py") if "registry" not in path.relative_to(GATEWAY).parts)
    return any(pattern.search(path.read_text(encoding="utf-8")) for path in paths)
