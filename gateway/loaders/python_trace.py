"""
Finds the files that Python code reads: those it opens while it runs, the modules it imports, the files it names.

An audit hook sees every open by Python itself. What a C library opens by its own means shows only where the code names
the file. Used while preparing, in a process that ends afterwards: a hook cannot be taken out again.
"""

import ast
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gateway

_WRITING = os.O_WRONLY | os.O_RDWR
#: Folders of the system: what lies there belongs to the installation, as the interpreter does.
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/run")
#: Python files that are taken along where the code imports by a name that it makes up.
_MOST_MODULES = 500
#: Texts from here on are no names of files.
_LONGEST_NAME = 200


class Tracer:
    """
    Note what is opened from now on; `told` is called with each path as soon as it is known.

    `root` is the folder whose files belong to the code; `ignored` are folders that do not count.
    """

    def __init__(self, root: Path, told: Callable[[str], object], ignored: tuple[Path, ...] = ()) -> None:
        self._root = root
        self._told = told
        installed = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
        own = [Path(gateway.__file__).parent, *ignored]
        self._ignored = tuple(sorted({*(str(Path(one)) for one in installed), *(str(one) for one in own)}))
        self._before = set(sys.modules)
        self.found: set[str] = set()
        self.written: set[str] = set()
        #: Names that did not begin with a slash, as the code gave them.
        self.relative: set[str] = set()
        self.relative_written: set[str] = set()

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take one audit event: `sys.addaudithook(tracer.hear)`."""
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and not isinstance(path, int):
                self.note(os.fsdecode(path), is_written=bool((flags or 0) & _WRITING))
        elif event == "sqlite3.connect":
            self.note(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else str(arguments[0]))

    def note(self, name: str, *, is_written: bool = False) -> None:
        """Take a file, if it belongs to the code or lies outside the installation."""
        path = os.path.abspath(name)  # noqa: PTH100 - links stay what they are
        if not os.path.isabs(name) and self._counts(path):  # noqa: PTH117 - a text
            (self.relative_written if is_written else self.relative).add(name)
        if is_written:
            self.written.add(path)
        elif path not in self.found and path not in self.written and self._counts(path):
            self.found.add(path)
            self._told(path)

    def note_modules(self) -> None:
        """Take the files of the modules that were imported since the tracer was made."""
        for name in sorted(set(sys.modules) - self._before):
            found = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(found, str):
                self.note(found)

    def _counts(self, path: str) -> bool:
        if path.endswith(".pyc") or any(_is_below(path, folder) for folder in self._ignored):
            return False
        if _is_below(path, str(self._root)):
            return not os.path.isdir(path)  # noqa: PTH112 - a file that is absent counts: it may come
        return not any(_is_below(path, folder) for folder in _SYSTEM) and os.path.isfile(path)  # noqa: PTH113


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def named_files(path: Path) -> Iterator[Path]:
    """
    Yield the files beside a Python file that its code names: modules it imports anywhere, and texts that are names.

    A text counts alone (`"weights.json"`, `"data/weights.json"`) and below a folder that another text names. Follows
    the modules beside it. Yields nothing of code that cannot be parsed: running it will say why.
    """
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        here = waiting.pop()
        try:
            tree = ast.parse(here.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for found in (*_modules(tree, path.parent), *_texts(tree, path.parent)):
            if found not in seen and found != path:
                seen.add(found)
                yield found
                if found.suffix == ".py":
                    waiting.append(found)


def relative_texts(path: Path) -> set[str]:
    """Return the files beside code that it names without ever asking for its own place: a C library may open them."""
    try:
        source = path.read_bytes()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return set()
    if b"__file__" in source:
        return set()
    return {str(found) for found in _texts(tree, path.parent) if found.suffix != ".py"}


def _modules(tree: ast.AST, folder: Path) -> Iterator[Path]:
    names: set[str] = set()
    makes_up = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names |= {base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)}
        elif isinstance(node, ast.Name | ast.Attribute):
            makes_up = makes_up or getattr(node, "attr", getattr(node, "id", "")) in {"import_module", "__import__"}
    for name in sorted(names - {""}):
        parts = name.split(".")
        if not _is_there(parts[0]) and not (folder / parts[0]).is_dir():
            yield folder / f"{parts[0]}.py"  # absent, or a sibling; one that comes later is another version
        for depth in range(1, len(parts) + 1):
            place = folder.joinpath(*parts[:depth])
            yield from (found for found in (place.with_suffix(".py"), place / "__init__.py") if found.is_file())
    if makes_up:
        yield from sorted(folder.rglob("*.py"))[:_MOST_MODULES]


def _is_there(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _texts(tree: ast.AST, folder: Path) -> Iterator[Path]:
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    texts = sorted(value for value in values if isinstance(value, str) and _may_name(value))
    folders = [folder, *(folder / text for text in texts if (folder / text).is_dir())]
    for place in folders:
        yield from (place / text for text in texts if (place / text).is_file())


def _may_name(value: str) -> bool:
    """Say whether a text may be the name of a file below the folder."""
    is_name = 0 < len(value) < _LONGEST_NAME and value.isprintable()
    return is_name and not value.startswith(("/", "~")) and ".." not in value and value.strip("./") != ""
