"""
The table of docs/security.md: each item of the OWASP API Top 10 and ML Top 10, what is done, and what shows it.

A test module of tests/security, or one test of it, names its items in its docstring: `OWASP: API1, ML06`. The measure
is the first sentence of that docstring.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "security"

#: OWASP API Security Top 10 (2023) and Machine Learning Security Top 10 (2023).
ITEMS: Final[dict[str, str]] = {
    "API1": "Broken object level authorization",
    "API2": "Broken authentication",
    "API3": "Broken object property level authorization",
    "API4": "Unrestricted resource consumption",
    "API5": "Broken function level authorization",
    "API6": "Unrestricted access to sensitive business flows",
    "API7": "Server side request forgery",
    "API8": "Security misconfiguration",
    "API9": "Improper inventory management",
    "API10": "Unsafe consumption of APIs",
    "ML01": "Input manipulation attack",
    "ML02": "Data poisoning attack",
    "ML03": "Model inversion attack",
    "ML04": "Membership inference attack",
    "ML05": "Model theft",
    "ML06": "AI supply chain attacks",
    "ML07": "Transfer learning attack",
    "ML08": "Model skewing",
    "ML09": "Output integrity attack",
    "ML10": "Model poisoning",
}
#: What no test of this repository can show, with the reason.
OUTSIDE: Final[dict[str, str]] = {
    "ML02": "happens before a model is written; `sha256` and golden rows tell the reviewed model",
    "ML07": "happens before a model is written; the model card is the place to name the model it was trained from",
    "ML08": "the gateway takes no feedback and trains nothing",
}
_MARKER: Final = re.compile(r"^\s*OWASP: *([A-Z0-9]+(?:, *[A-Z0-9]+)*)\.?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """Hold one measure: the items that it is about, what is done, and the tests that show it."""

    items: tuple[str, ...]
    measure: str
    file: str
    tests: tuple[str, ...]


def shown() -> Iterator[Shown]:
    """Yield what the tests say of themselves; raises ValueError for an item that does not exist."""
    for path in sorted(FOLDER.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tests = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        ]
        if items := _items(path, tree):
            names = tuple(test.name for test in tests if not _items(path, test))
            yield Shown(items, _sentence(tree), path.name, names)
        for test in tests:
            if items := _items(path, test):
                yield Shown(items, _sentence(test), path.name, (test.name,))


def rows() -> list[tuple[str, ...]]:
    """Return the rows of the table, in the order of the items."""
    known = list(shown())
    found: list[tuple[str, ...]] = []
    for item, title in ITEMS.items():
        name = f"{item} {title}"
        mine = [one for one in known if item in one.items]
        found += [(name, one.measure, _linked(one)) for one in mine]
        if not mine:
            found.append((name, OUTSIDE.get(item, "none yet"), "-"))
    return found


def _linked(one: Shown) -> str:
    tests = ", ".join(f"`{test}`" for test in one.tests)
    return f"[{one.file}](../tests/security/{one.file}): {tests}"


def _items(path: Path, node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    marked = _MARKER.findall(ast.get_docstring(node) or "")
    items = tuple(item.strip() for text in marked for item in text.split(","))
    unknown = [item for item in items if item not in ITEMS]
    if unknown:
        raise ValueError(f"{path.name}: OWASP has no item {unknown[0]}; known are {', '.join(ITEMS)}")
    return items


def _sentence(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    return text.partition(". ")[0].partition(" OWASP:")[0].rstrip(".") + "."
