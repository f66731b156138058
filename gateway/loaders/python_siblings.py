"""
Lets a Python file import the modules beside it, its own ones and not those of another version or another route.

Python keeps one module per name and process; here the last one that was loaded has the name.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

#: Folders of files that were loaded in this process, the last one first; they stand behind everything else.
_folders: list[str] = []


def make_way(folder: Path, files: Mapping[str, str]) -> None:
    """
    Put the folder of a file before those of earlier ones, and forget modules that its own would be taken for.

    `files` are what this version reads: a module that was imported from one of them may be of an earlier version. Code
    that has imported such a module keeps it.
    """
    here = str(folder)
    earlier = [one for one in _folders if one != here]
    _folders[:] = [here, *earlier]
    sys.path[:] = [one for one in sys.path if one not in _folders] + _folders
    own = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if not isinstance(place, str):
            continue
        is_sibling = any(place.startswith(f"{one}/") for one in earlier) and name.partition(".")[0] in own
        if place in files or is_sibling:
            del sys.modules[name]
