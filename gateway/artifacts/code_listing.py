"""
Name the files of Python code that need no run of it: the file to execute of a folder, and what `files:` lists.

A folder belongs to its route whole; patterns are those of a shell, from the folder of the code or of the registry.
"""

import ast
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from gateway.artifacts import source_files
from gateway.errors import ArtifactError

#: The file of a folder that is executed: the first that binds `predict` or `Model`, else the first that exists.
ENTRY_FILES: Final = ("predict.py", "model.py", "app.py", "main.py", "__init__.py")
_WILD: Final = frozenset("*?[")
_ENTRIES: Final = frozenset({"predict", "Model"})


def entry_file(path: Path) -> Path | None:
    """Return the file that is executed: the path itself unless it is a folder; None if a folder has none."""
    if not _is_folder(path):
        return path
    present = [path / name for name in ENTRY_FILES if (path / name).is_file()]
    return next((one for one in present if _binds_entry(one)), present[0] if present else None)


def is_code_folder(path: Path) -> bool:
    """Say whether a folder is Python code; one of MLflow, which may hold code as well, is not."""
    return _is_folder(path) and not (path / "MLmodel").exists() and entry_file(path) is not None


def locate_code(base: Path, artifact: str) -> tuple[Path, Path]:
    """Return the artifact of a Python route, file or folder, and the file to execute; raises ArtifactError."""
    place = source_files.locate(base, artifact)
    code = entry_file(place)
    if code is None:
        raise ArtifactError(
            f"the folder '{place.name}' holds no {', '.join(ENTRY_FILES[:-1])} or {ENTRY_FILES[-1]}",
            code="python-entry",
            hint=f"name the file and its function: {artifact.rstrip('/')}/FILE.py:FUNCTION",
        )
    return place, code


def listed(base: Path, place: Path, patterns: Sequence[str]) -> set[Path]:
    """Return the files of a folder artifact, and those that the patterns match; raises ArtifactError for none."""
    found = set(_below(place)) if _is_folder(place) else set()
    for pattern in patterns:
        matched = matches(base, place, pattern)
        if not matched:
            raise ArtifactError(
                f"`files:` names {pattern!r}, and no file is there",
                code="files-missing",
                hint="paths start from the folder of the code, or from that of the registry",
            )
        found.update(matched)
    return found


def matches(base: Path, place: Path, pattern: str) -> list[Path]:
    """
    Return the files that one pattern names: from the folder of the code, else from that of the registry.

    Raises ArtifactError for a folder that cannot be kept, as `source_files.entries_of` does.
    """
    beside = place if _is_folder(place) else place.parent
    return _matched(beside, pattern) or _matched(base, pattern)


def watched(base: Path, place: Path, pattern: str) -> list[Path]:
    """Return the files that a pattern names, or may name: one that comes later is another version of the code."""
    beside = place if _is_folder(place) else place.parent
    fixed = Path(*itertools.takewhile(lambda part: not _WILD & set(part), Path(pattern).parts))
    # Not the folder of the code itself: it may hold far more than the code.
    folder = [beside / fixed] if fixed.parts and (beside / fixed).is_dir() else []
    exact = [] if _WILD & set(pattern) else [beside / pattern]
    try:
        return [*matches(base, place, pattern), *folder, *exact]
    except ArtifactError:  # told when the route is prepared again
        return [*folder, *exact]


def _matched(folder: Path, pattern: str) -> list[Path]:
    try:
        found = sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
    except (ValueError, NotImplementedError, OSError, IndexError):
        return []
    # Links stay what they are, `..` does not: names are compared.
    places = [Path(os.path.normpath(path)) for path in found]
    listed = [file for path in places for file in (_below(path) if path.is_dir() else [path]) if file.is_file()]
    for file in listed:
        source_files.refuse_odd_name(file)
    return listed


def _below(folder: Path) -> list[Path]:
    try:
        return [path for path in source_files.entries_of(folder) if path.is_file()]
    except OSError as error:
        raise source_files.unreadable(folder, error) from error


def _is_folder(path: Path) -> bool:
    # Not `Path.is_dir`, which raises for a name that is too long, and for a loop of links.
    return os.path.isdir(path)  # noqa: PTH112


def _binds_entry(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(_ENTRIES & set(_names(node)) for node in tree.body)


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
