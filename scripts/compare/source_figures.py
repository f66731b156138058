"""Figures of the source of a checkout: rooms, arrows between them, circles, lines. Reads files only."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Importer -> what it imports.
Arrows = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Source:
    """Hold the syntax trees of a package, by file."""

    package: Path
    trees: Mapping[Path, ast.Module]

    @classmethod
    def read(cls, tree: Path) -> "Source":
        """Read the package of a checkout."""
        package = tree / "gateway"
        return cls(package, {path: ast.parse(path.read_bytes()) for path in sorted(package.rglob("*.py"))})

    def room(self, path: Path) -> str:
        """Return the folder below the package that a file belongs to, or the file itself where it lies at the root."""
        return path.relative_to(self.package).parts[0].removesuffix(".py")

    def arrows(self) -> Arrows:
        """Return which rooms import which other ones."""
        rooms = {self.room(path) for path in self.trees}
        found: dict[str, set[str]] = {room: set() for room in sorted(rooms)}
        for path, tree in self.trees.items():
            found[self.room(path)].update(name for name in _imported(tree) if name in rooms)
        return {room: frozenset(names - {room, "__init__"}) for room, names in found.items() if room != "__init__"}


def figures(tree: Path) -> dict[str, int]:
    """Return the figures by name."""
    source = Source.read(tree)
    arrows = source.arrows()
    circles = [circle for circle in _circles(arrows) if len(circle) > 1]
    names = [node for tree in source.trees.values() for node in ast.walk(tree)]
    return {
        "files": len(source.trees),
        "files at the root of gateway/": sum(path.parent == source.package for path in source.trees),
        "rooms (folders, and files at the root)": len(arrows),
        "folders": sum((source.package / room).is_dir() for room in arrows),
        "arrows between rooms": sum(len(names) for names in arrows.values()),
        "circles of rooms": len(circles),
        "floors that the imports need": _height(arrows) if not circles else 0,
        "lines": sum(len(path.read_bytes().splitlines()) for path in source.trees),
        "functions": sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in names),
        "Any": sum(isinstance(node, ast.Name) and node.id == "Any" for node in names),
    }


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the rooms that a file names in its imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gateway":
            parts = (node.module or "").split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gateway."))


def _reached(arrows: Arrows, start: str) -> frozenset[str]:
    """Return all rooms that one imports, through however many others."""
    found: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        if (room := waiting.pop()) not in found:
            found.add(room)
            waiting += arrows[room]
    return frozenset(found)


def _circles(arrows: Arrows) -> set[frozenset[str]]:
    """Return the groups of rooms that import each other, through however many others."""
    reached = {room: _reached(arrows, room) for room in arrows}
    return {frozenset({room} | {other for other in reached[room] if room in reached[other]}) for room in arrows}


def _height(arrows: Arrows) -> int:
    """Return how many rooms the longest chain of imports has."""
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            heights[room] = 1 + max((height(other) for other in arrows[room]), default=0)
        return heights[room]

    return max(map(height, arrows))
