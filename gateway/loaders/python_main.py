"""
Lets a pickle that names `__main__.X` find X in the code of its route, as where the code was run as a script.

Each thread sees the code that runs in it, so two routes may define different classes of one name.
"""

import sys
import types
import weakref

from gateway.loaders.python_context import current

_modules: "weakref.WeakSet[types.ModuleType]" = weakref.WeakSet()


class _Main(types.ModuleType):
    """The module `__main__`, in which names of the running code come before those of the process."""

    def __getattribute__(self, name: str) -> object:
        if not name.startswith("__"):
            for module in _places():
                found = vars(module).get(name, _modules)
                if found is not _modules:
                    return found
        return super().__getattribute__(name)


def _places() -> list[types.ModuleType]:
    """Return the code of this thread; in a thread without any, the code of this process if there is but one."""
    here = current().module
    if here is not None:
        return [here]
    loaded = list(_modules)
    return loaded if len(loaded) == 1 else []


def stand_for_main(module: types.ModuleType) -> None:
    """Let `__main__` show the names of a module while its code runs in a thread."""
    _modules.add(module)
    main = sys.modules["__main__"]
    if type(main) is types.ModuleType:
        main.__class__ = _Main
