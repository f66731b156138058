"""
Hold, for each thread, which Python code runs in it: its files, its module, its siblings and its working folder.

One version of the code is in force in a thread while it is loaded and while it is asked; threads that the code starts
by itself have none.
"""

import contextlib
import threading
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.loaders.python_working_folder import within


@dataclass(slots=True, kw_only=True)
class Siblings:
    """Name the folders that a version imports from, the top-level names there, and its modules while set aside."""

    folders: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    modules: dict[str, types.ModuleType] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Code:
    """
    Hold one loaded version of the code of a route.

    `files` are those that it may read, path -> sha256, "" for one that was absent.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    module: types.ModuleType | None = None
    siblings: Siblings = field(default_factory=Siblings)
    working_folder: Path | None = None


class _Here(threading.local):
    """Hold the code that runs in this thread."""

    code = Code()


_here = _Here()


def current() -> Code:
    """Return the code that runs in this thread; an empty one where none does."""
    return _here.code


@contextlib.contextmanager
def running(code: Code) -> Iterator[None]:
    """Run code in this thread: what it opens, imports and unpickles is that of its version."""
    before, _here.code = _here.code, code
    try:
        with within(code.working_folder):
            yield
    finally:
        _here.code = before
