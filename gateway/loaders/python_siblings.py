"""
Lets a Python file import the modules beside it, its own ones and not those of another version or another route.

Python keeps one module per name and process. The names belong to one version of code at a time; an import of another
version takes them over, and the modules of the former are set aside until it imports again.
"""

import builtins
import importlib
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.loaders.python_context import Siblings, current

#: One at a time: modules beside two files may have the same name.
LOADING: Final = threading.RLock()

_in_force = Siblings()
#: All names of the versions that were loaded; an import is looked at from the second version with one of them on.
_names: set[str] = set()
_plain_import = builtins.__import__
_plain_import_module = importlib.import_module


def siblings_of(folders: Sequence[Path]) -> Siblings:
    """Return the siblings of a file in these folders, the nearest first; what else was imported keeps its name."""
    # Copied first: another thread may import meanwhile.
    others = {name.partition(".")[0] for name in list(sys.modules)} - _names
    names = {
        found.stem if found.suffix == ".py" else found.name
        for folder in folders
        for found in folder.iterdir()
        if found.suffix in {".py", ".so"} or (found.name.isidentifier() and found.is_dir())
    }
    return Siblings(folders=tuple(dict.fromkeys(map(str, folders))), names=frozenset(names - others))


def make_way(siblings: Siblings, files: Mapping[str, str]) -> None:
    """
    Put a version's names in force, and forget modules that were imported from one of `files` by an earlier version.

    To be called under LOADING. Code that has imported such a module keeps it.
    """
    if builtins.__import__ is _plain_import and siblings.names & _names:
        builtins.__import__ = _import
        importlib.import_module = _import_module
    _names.update(siblings.names)
    _put_in_force(siblings)
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) in files:
            del sys.modules[name]


def _import(name: str, *arguments: Any, **named: Any) -> types.ModuleType:
    """Import as always; the name of a sibling first becomes that of the code which runs in this thread."""
    siblings = current().siblings
    if name.partition(".")[0] not in siblings.names:
        return _plain_import(name, *arguments, **named)
    with LOADING:
        _put_in_force(siblings)
        return _plain_import(name, *arguments, **named)


def _import_module(name: str, package: str | None = None) -> types.ModuleType:
    """Do the same for names that the code makes up."""
    siblings = current().siblings
    if name.partition(".")[0] not in siblings.names:
        return _plain_import_module(name, package)
    with LOADING:
        _put_in_force(siblings)
        return _plain_import_module(name, package)


def _put_in_force(siblings: Siblings) -> None:
    global _in_force
    former = _in_force
    if former is siblings:
        return
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
        if name.partition(".")[0] in former.names and _is_below(place, former.folders):
            former.modules[name] = sys.modules.pop(name)
    sys.modules.update(siblings.modules)
    siblings.modules.clear()
    sys.path[:] = [*(one for one in sys.path if one not in {*former.folders, *siblings.folders}), *siblings.folders]
    _in_force = siblings


def _is_below(place: Any, folders: Sequence[str]) -> bool:
    return isinstance(place, str) and any(place.startswith(f"{one}/") or place == one for one in folders)
