"""The floors: imports point down only, packages on one floor do not know each other, no import is hidden."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from floors import FLOORS, PACKAGE

#: (importer, imported) pairs on one floor or upwards that are allowed, each with its reason.
ALLOWED: Final[dict[tuple[str, str], str]] = {}

FLOOR_OF: Final = {member: height for height, floor in enumerate(reversed(FLOORS)) for member in floor}
FILES: Final = sorted(path for path in PACKAGE.rglob("*.py"))


@dataclass(frozen=True, slots=True)
class Import:
    """Hold one import statement: the members of gateway and the packages that it names, whether a function hides it."""

    line: int
    level: int
    ours: tuple[str, ...]
    roots: tuple[str, ...]
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Hold what the tests ask of one file; its tree is gone, those of all files are 300 MB."""

    imports: tuple[Import, ...]
    typed_decodes: tuple[int, ...]


def member_of(path: Path) -> str:
    """Return the package, or the module beside the packages, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the members of gateway that an import statement names; a relative import names its own."""
    if isinstance(node, ast.ImportFrom):
        parts = (node.module or "").split(".")
        if node.level == 0 and parts[0] == "gateway":
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        return
    for alias in node.names:
        parts = alias.name.split(".")
        if parts[0] == "gateway" and len(parts) > 1:
            yield parts[1]


def imports_of(node: ast.AST, *, is_hidden: bool = False) -> Iterator[Import]:
    """Yield each import statement below a node."""
    if isinstance(node, ast.Import):
        yield Import(node.lineno, 0, tuple(ours(node)), tuple(one.name.split(".")[0] for one in node.names), is_hidden)
    elif isinstance(node, ast.ImportFrom):
        yield Import(node.lineno, node.level, tuple(ours(node)), ((node.module or "").split(".")[0],), is_hidden)
    inside = is_hidden or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from imports_of(child, is_hidden=inside)


def typed_decodes(tree: ast.Module) -> Iterator[int]:
    """Yield the line of each call of a `decode` that is given a type."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", "") == "decode"
            and any(word.arg == "type" for word in node.keywords)
        ):
            yield node.lineno


def source_of(text: str) -> Source:
    """Read one file."""
    tree = ast.parse(text)
    return Source(tuple(imports_of(tree)), tuple(typed_decodes(tree)))


@functools.cache
def sources() -> dict[Path, Source]:
    """Read every file of the package, once for all tests."""
    return {path: source_of(path.read_text(encoding="utf-8")) for path in FILES}


def faults_of(here: str, imports: tuple[Import, ...]) -> list[str]:
    """Return what is wrong with the imports of a file that belongs to the member `here`."""
    found = []
    for one in imports:
        for there in one.ours:
            if there == here or not {here, there} <= set(FLOOR_OF) or (here, there) in ALLOWED:
                continue
            line = f"line {one.line}: {here} imports {there}"
            if FLOOR_OF[there] > FLOOR_OF[here]:
                found.append(f"{line}, which stands on a higher floor")
            elif FLOOR_OF[there] == FLOOR_OF[here]:
                found.append(f"{line}, a sibling")
    return found


def test_imports_are_absolute_but_in_the_child() -> None:
    """The child lies under another name in each environment: it names its own files relatively, and nothing of ours."""
    for path, source in sources().items():
        levels = {one.level for one in source.imports}
        if member_of(path) == "child":
            assert (levels <= {0, 1}, {member for one in source.imports for member in one.ours}) == (True, set()), path
        else:
            assert levels <= {0}, path


def test_every_module_has_a_floor() -> None:
    """A new module or package is given its floor in the list above."""
    members = {member_of(path) for path in FILES} - {"__init__"}
    assert members - set(FLOOR_OF) == set()


def test_imports_point_down() -> None:
    """A floor knows those below it, never those above and never its siblings."""
    files = {path: source for path, source in sources().items() if member_of(path) != "__init__"}
    found = {path: faults_of(member_of(path), source.imports) for path, source in files.items()}
    assert {path: faults for path, faults in found.items() if faults} == {}
    assert len(files) > 500


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
    assert bool(faults_of(here, source_of(line).imports)) is is_fault


def test_no_import_of_ours_is_hidden_in_a_function() -> None:
    """An import inside a function hides a dependency; families load by name tables instead."""
    hidden = [
        f"{path.relative_to(PACKAGE.parent)}:{one.line}"
        for path, source in sources().items()
        for one in source.imports
        if one.is_hidden and one.ours
    ]
    assert hidden == []
    lines = "class A:\n def f(self):\n  import gateway.schema\nif 1:\n import gateway.errors"
    assert [one.is_hidden for one in source_of(lines).imports] == [True, False]


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
    for path, source in sources().items():
        for root in (root for one in source.imports for root in one.roots):
            if root in homes and member_of(path) not in homes[root]:
                wrong.append(f"{path.name} imports {root}")
            if root == "flask_restful" and path.relative_to(PACKAGE).as_posix() != "rest/api.py":
                wrong.append(f"{path.name} imports {root}")
    assert wrong == []


def test_no_file_is_long() -> None:
    """A file above 250 lines holds more than one concept."""
    long = {path.name: n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 250}
    assert long == {}


def test_no_thread_is_the_first_to_look_at_a_type() -> None:
    """Typed decoders are made at import: two threads in msgspec's first look at one type end the process (SIGSEGV)."""
    assert {path: source.typed_decodes for path, source in sources().items() if source.typed_decodes} == {}
    assert source_of("import msgspec\nmsgspec.json.decode(b'1', type=int)").typed_decodes == (2,)
