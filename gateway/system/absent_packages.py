"""Hide installed packages from imports: frameworks do without what they find absent, at a fraction of the time."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def absent(names: Iterable[str]) -> Iterator[None]:
    """
    Let imports in the block find none of these root modules; what is imported already stays.

    A framework that was imported so keeps to it in this process: only for a process that reads one model.
    """
    hidden = [name for name in names if name not in sys.modules]
    # Python's own mark of a module that is not to be found: https://docs.python.org/3/reference/import.html
    sys.modules.update(dict.fromkeys(hidden, cast(ModuleType, None)))
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
