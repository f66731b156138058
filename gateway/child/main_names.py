"""
Lets a pickle that names `__main__.X` find X in the user's own files, as where these were run as a script or notebook.

A file is imported when a name is first looked for, under its own name, so that a class is one class whether a pickle
calls it `__main__.X` or `preprocess.X`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from typing import Any, Sequence


def stand_for_main(files: Sequence[str]) -> None:
    """Replace `__main__`, this server's start, by a module that has the names of `files`, the first first."""
    main = types.ModuleType("__main__")
    modules: dict[str, types.ModuleType] = {}

    def named(name: str) -> Any:
        if not name.startswith("__"):
            for path in files:
                if path not in modules:
                    modules[path] = import_file(path)
                if hasattr(modules[path], name):
                    return getattr(modules[path], name)
        raise AttributeError(f"module '__main__' has no attribute {name!r}")

    main.__getattr__ = named  # type: ignore[method-assign]
    sys.modules["__main__"] = main


def import_file(path: str) -> types.ModuleType:
    """Import a file under its own name, its folder importable; a module that is there already keeps its name."""
    path = os.path.abspath(path)
    folder, file = os.path.split(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = os.path.splitext(file)[0]
    known = sys.modules.get(name)
    if known is not None:
        if getattr(known, "__file__", None) == path:
            return known
        name = f"own_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
