"""The floors: imports point down only, packages on one floor do not know each other, no import is hidden."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from floors import FLOORS, PACKAGE

#: (importer, imported) pairs on one floor or upwards that are allowed, each with its reason.
ALLOWED: Final[dict[tuple[str, str], str]] = {}

FLOOR_OF: Final = {member: height for height, floor in enumerate(reversed(FLOORS)) for member in floor}
FILES: Final = sorted(path for path in PACKAGE.rglob("*.py"))


def member_of(path: Path) -> str:
    """Return the package, or the module beside the packages, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(node: ast.AST) -> Iterator[str]:
    """Yield the members of gateway that an import statement names; a relative import names its own."""
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        parts = (node.module or "").split(".")
        if parts[0] == "gateway":
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
    elif isinstance(node, ast.Import):
        for alias in node.names:
            parts = alias.name.split(".")
            if parts[0] == "gateway" and len(parts) > 1:
                yield parts[1]


def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def faults_of(here: str, tree: ast.Module) -> list[str]:
    """Return what is wrong with the imports of a file that belongs to the member `here`."""
    found = []
    for node in ast.walk(tree):
        for there in ours(node):
            if there == here or not {here, there} <= set(FLOOR_OF) or (here, there) in ALLOWED:
                continue
            line = f"line {getattr(node, 'lineno', 0)}: {here} imports {there}"
            if FLOOR_OF[there] > FLOOR_OF[here]:
                found.append(f"{line}, which stands on a higher floor")
            elif FLOOR_OF[there] == FLOOR_OF[here]:
                found.append(f"{line}, a sibling")
    return found


def test_imports_are_absolute_but_in_the_child() -> None:
    """The child lies under another name in each environment: it names its own files relatively, and nothing of ours."""
    for path in FILES:
        levels = {node.level for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)}
        named = {member for node in ast.walk(tree_of(path)) for member in ours(node)}
        if member_of(path) == "child":
            assert (levels <= {0, 1}, named) == (True, set()), path
        else:
            assert levels <= {0}, path


def test_every_module_has_a_floor() -> None:
    """A new module or package is given its floor in the list above."""
    members = {member_of(path) for path in FILES} - {"__init__"}
    assert members - set(FLOOR_OF) == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    """A floor knows those below it, never those above and never its siblings."""
    if member_of(path) != "__init__":
        assert faults_of(member_of(path), tree_of(path)) == []


@pytest.mark.parametrize(
    ("here", "line", "is_fault"),
    [
        ("schema", "from gateway.registry.spec import RouteSpec", True),
        ("codecs", "from gateway.loaders import sniff", True),
        ("errors", "from gateway.system import suggest as near", True),
        ("rest", "import gateway.process.worker", True),
        ("rest", "from gateway.codecs.json import decode", False),
        ("answers", "from gateway.answers.json_values import plain", False),
        ("registry", "from gateway.registry.spec import RouteSpec", False),
    ],
)
def test_the_rule_can_fail(here: str, line: str, is_fault: bool) -> None:
    """An import upwards or sideways is found, one downwards or within the family is not."""
    assert bool(faults_of(here, ast.parse(line))) is is_fault


def test_no_import_of_ours_is_hidden_in_a_function() -> None:
    """An import inside a function hides a dependency; families load by name tables instead."""
    hidden = [
        f"{path.relative_to(PACKAGE.parent)}:{inner.lineno}"
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom) and list(ours(inner))
    ]
    assert hidden == []


def test_frameworks_stay_in_their_hands() -> None:
    """Only loaders, compilers and explainers import a framework; only rest/api.py imports flask_restful."""
    homes = {
        "sklearn": {"loaders", "compilers", "explainers", "child"},
        "xgboost": {"loaders", "compilers", "explainers", "child"},
        "jpype": {"loaders"},
        "h2o": {"loaders"},
        "onnxruntime": {"loaders", "compilers"},
        "onnx": {"loaders", "compilers"},
    }
    wrong = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for root in (name.split(".")[0] for name in names):
                if root in homes and member_of(path) not in homes[root]:
                    wrong.append(f"{path.name} imports {root}")
                if root == "flask_restful" and path.relative_to(PACKAGE).as_posix() != "rest/api.py":
                    wrong.append(f"{path.name} imports {root}")
    assert wrong == []


def test_no_file_is_long() -> None:
    """A file above 250 lines holds more than one concept."""
    long = {path.name: n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 250}
    assert long == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_thread_is_the_first_to_look_at_a_type(path: Path) -> None:
    """Typed decoders are made at import: two threads in msgspec's first look at one type end the process (SIGSEGV)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "decode":
            assert not any(keyword.arg == "type" for keyword in node.keywords), f"line {node.lineno}"
