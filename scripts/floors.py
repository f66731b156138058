"""The floors of the package, top to bottom: what tests/test_floors.py holds the imports to, and the documents show."""

import ast
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent.parent / "gateway"

#: One floor a row: a floor knows those below it. Packages on one floor do not know each other.
FLOORS: Final[tuple[tuple[str, ...], ...]] = (
    ("__main__",),
    ("cli",),
    ("process",),
    ("rest",),
    ("console",),
    ("routing",),
    ("generations",),
    ("ray_bridge", "references"),
    ("prepare",),
    ("executors", "registry"),
    ("codecs", "compilers", "environments", "explainers", "loaders"),
    ("answers", "artifacts", "estimators", "logs", "runtimes", "scoreboard", "security", "validation"),
    ("h2o_server", "metrics", "settings"),
    ("schema", "system"),
    ("errors", "explanation", "own_output"),
    ("child",),
)


def packages_in(member: str) -> list[str]:
    """Return the packages inside a package, named from the root."""
    return [f"{member}/{path.parent.name}" for path in sorted((PACKAGE / member).glob("*/__init__.py"))]


def purpose(member: str) -> str:
    """Return the first sentence of what a package, or a module beside the packages, says of itself."""
    path = PACKAGE / f"{member}.py"
    path = path if path.exists() else PACKAGE / member / "__init__.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())
