"""
Say which code a pickle would run beyond what models consist of, by its names alone: nothing of it is made.

For models that another process reads, with libraries of other versions: what is admitted there is what the readers
here would admit.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.loaders.admission.allowed_names import ForbiddenGlobal
from gateway.loaders.admission.constructors import resolve
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.table import PICKLE_HEADS, PICKLE_SUFFIXES
from gateway.system import files

_MAIN: Final = "__main__"


def needed_code(path: Path) -> list[str]:
    """Return the names of the pickles of an artifact, file or folder, that no reader here admits."""
    return sorted({name for pickled in _pickles(path) for name in pickle_imports(pickled) if not _is_admitted(name)})


def own_modules(names: list[str]) -> list[str]:
    """Return the files that would define names of `__main__` and of modules without a package."""
    modules = {name.partition(".")[0] for name in names if name.count(".") == 1}
    return sorted(f"{module}.py" for module in modules if module.isidentifier() and module != _MAIN)


def _pickles(path: Path) -> Iterator[Path]:
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if files.is_file(one) and (one.suffix.lower() in PICKLE_SUFFIXES or one == path or _starts_as_one(one)):
            yield one


def _starts_as_one(path: Path) -> bool:
    with files.open_regular(path) as stream:
        return stream.read(2) in PICKLE_HEADS


def _is_admitted(name: str) -> bool:
    module, _, last = name.rpartition(".")
    try:
        resolve(module, last)
    except (ForbiddenGlobal, ModuleNotFoundError):
        return False
    return True
