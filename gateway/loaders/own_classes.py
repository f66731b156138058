"""
Names the classes and functions of one's own that a pickle or skops file needs, and the Python route that serves it.

A class of one's own is code that no file of a model holds; a Python route brings it along. Nothing of the file is run.
"""

import ast
import functools
import importlib.machinery
import json
import re
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from gateway.errors import ArtifactError
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.admission.refusals import own_process
from gateway.loaders.base import LoadOptions
from gateway.loaders.unknown_files import opened_head
from gateway.system.suggest import listing

MAIN: Final = "__main__"
#: Besides libraries, what pickles of harmless models name: of others no route is proposed.
_HARMLESS: Final = frozenset(
    {"_codecs", "collections", "copy_reg", "copyreg", "datetime", "decimal", "functools", "random", "re", "types"}
)
_HARMLESS_BUILTINS: Final = frozenset(
    {"object", "set", "frozenset", "list", "dict", "tuple", "slice", "range"}
    | {"bytearray", "bytes", "str", "int", "float", "bool", "complex"}
)
#: Lines of a definition that a fix still repeats.
_MOST_LINES: Final = 60
#: As skops writes it, and as pickles do.
_INPUTS: Final = re.compile(
    rb'n_features_in_(?:":\s*\{[^{}]*?"content":\s*"(\d+)"|.{0,3}?(?:K(.)|M(..)|J(....)))', re.DOTALL
)


Reader: TypeAlias = Callable[[Path, LoadOptions], Any]


def names_own_classes(read: Reader) -> Reader:
    """Let a reader of pickles and skops files refuse one with code of one's own by the route that serves it."""

    @functools.wraps(read)
    def refusing(path: Path, options: LoadOptions) -> Any:
        try:
            return read(path, options)
        except ArtifactError as error:
            if error.code not in {"forbidden-pickle", "untrusted-types", "pickle-refused"}:
                raise
            code = "forbidden-pickle" if error.code == "pickle-refused" else str(error.code)
            raise own_class_error(path, options.origin or path.parent, code) or error from None

    return refusing


def own_class_error(path: Path, origin: Path, code: str) -> ArtifactError | None:
    """Return the error of a file that needs code of one's own; None for one that names none, or what is harmful."""
    names = _names(path)
    own = [name for name in names if _is_own(name)]
    if not own or not all(name in own or _is_harmless(name) for name in names):
        return None
    kind = "skops file" if zipfile.is_zipfile(path) else "pickle"
    return ArtifactError(
        f"{path.name}: the {kind} names {listing(own, 'and')}, code of your own that the file does not hold",
        code=code,
        hint=_fix(path, origin, own, names),
    )


def _names(path: Path) -> list[str]:
    if not zipfile.is_zipfile(path):
        return list(pickle_imports(path))
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(set(_skops_names(json.loads(archive.read("schema.json")))))
    except (KeyError, ValueError, zipfile.BadZipFile):
        return []


def _skops_names(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("__module__"), str) and isinstance(node.get("__class__"), str):
            yield f"{node['__module__']}.{node['__class__']}"
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _skops_names(inner)


def _is_own(name: str) -> bool:
    top = name.partition(".")[0]
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    return top == MAIN or not (top in sys.stdlib_module_names or _is_installed(top))


@functools.cache
def _is_installed(top: str) -> bool:
    """Say whether a module lies where packages are installed; the working folder of a process may hold others."""
    places = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    return importlib.machinery.PathFinder.find_spec(top, sorted(places)) is not None


def _is_harmless(name: str) -> bool:
    top, _, rest = name.partition(".")
    if top in {"builtins", "__builtin__"}:
        return rest in _HARMLESS_BUILTINS
    return top in _HARMLESS or top not in sys.stdlib_module_names


def _fix(path: Path, origin: Path, own: list[str], names: list[str]) -> str:
    """Return what to run: a Python route in full, and how to add it."""
    script = f"{path.stem}_route.py"
    if (origin / script).exists():  # never overwritten by what is pasted
        script = f"{path.name.replace('.', '_')}_route.py"
    modules = sorted({name.rpartition(".")[0] for name in own} - {MAIN})
    absent = [f"{module}.py" for module in modules if not _place(origin, module)]
    told = [f"put {listing(absent, 'and')} beside {path.name}, or install what defines them"] if absent else []
    lines, missing = _definitions(origin, [name.rpartition(".")[2] for name in own if name.startswith(f"{MAIN}.")])
    told += [f"write {listing(missing, 'and')} into {script}, as in the script that trained it"] if missing else []
    first = f"{_process(path, modules, own)}; or serve it by a Python route, which runs what the file says: in the "
    first += f"folder of {path.name} run this"
    said = f"{first} ({'; '.join(told)})" if told else first
    route = "\n".join(_route(path, modules, own, lines, names))
    return f"{said}:\ncat > {script} <<'END'\n{route}\nEND\ngateway add {script} --route /{_route_name(path.stem)}"


def _process(path: Path, modules: list[str], own: list[str]) -> str:
    """Return what lets a process of its own load the file, and what is to be written for that."""
    files = [f"{module.replace('.', '/')}.py" for module in modules]
    lost = [name.rpartition(".")[2] for name in own if name.startswith(f"{MAIN}.")]
    if not lost:
        return own_process(files)
    script = f"{path.stem}_own.py"
    return f"write {listing(lost, 'and')} into {script} beside it, and {own_process([*files, script])}"


def _route_name(stem: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "-", stem.lower()).strip(".-_") or "model"


def _route(path: Path, modules: list[str], own: list[str], lines: list[str], names: list[str]) -> Iterator[str]:
    is_skops = zipfile.is_zipfile(path)
    yield "from pathlib import Path\n"
    is_of_texts = any(name.startswith("sklearn.feature_extraction.text.") for name in names)
    has_names = b"feature_names_in_" in _told(path)
    yield "import skops.io" if is_skops else "import joblib"
    if not is_of_texts:
        yield "import pandas as pd" if has_names else "import numpy as np"
    for module in modules:
        defined = [name.rpartition(".")[2] for name in own if name.rpartition(".")[0] == module]
        yield f"import {module}  # it defines {listing(defined, 'and')}"
    yield from lines
    yield f'\nPATH = Path(__file__).parent / "{path.name}"'
    if is_skops:
        yield "MODEL = skops.io.load(PATH, trusted=skops.io.get_untrusted_types(file=PATH))"
    else:
        yield "MODEL = joblib.load(PATH)"
    yield "\n"
    if is_of_texts:
        yield "def predict(text: str):\n    return MODEL.predict([text])[0]"
        return
    inputs = [f"x{number}" for number in range(_inputs(path))]
    yield f"def predict({', '.join(f'{name}: float' for name in inputs)}):"
    row = f"[[{', '.join(inputs)}]]"
    if has_names:
        yield f'    row = pd.DataFrame({row}, columns=getattr(MODEL, "feature_names_in_", None))'
    else:
        yield f"    row = np.array({row})"
    yield "    return MODEL.predict(row)[0]"


def _inputs(path: Path) -> int:
    """Return the number of inputs that a file tells; 2 if it tells none, as an example."""
    told = _INPUTS.search(_told(path))
    if told is None:
        return 2
    return int(told[1]) if told[1] else int.from_bytes(next(filter(None, told.groups()[1:]), b"\2"), "little")


def _told(path: Path) -> bytes:
    """Return what tells of a model: the table of a skops file, or the first bytes of a pickle, opened."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("schema.json")
    return opened_head(path)


def _place(origin: Path, module: str) -> Path | None:
    """Return the file or package beside the artifact that has the name of a module."""
    top = module.partition(".")[0]
    return next((path for path in (origin / f"{top}.py", origin / top) if path.exists()), None)


def _definitions(origin: Path, names: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines of a script beside the artifact that define names of `__main__`, and the undefined names."""
    if not names:
        return [], []
    for path in sorted(origin.glob("*.py")):
        try:
            source = path.read_text(encoding="utf-8")
            body = ast.parse(source).body
        except (OSError, SyntaxError, ValueError):
            continue
        found = _needed(body, names)
        lines = [line for node in found for line in ("", *(ast.get_source_segment(source, node) or "").splitlines())]
        if found and len(lines) <= _MOST_LINES:
            return [f"\n# from {path.name}", *lines], [name for name in names if name not in _bound(found)]
    return [], names


def _needed(body: list[ast.stmt], names: list[str]) -> list[ast.stmt]:
    """Return the definitions and imports that names need, in the order of the script; empty if one is not defined."""
    by_name = {name: node for node in body for name in _bound([node])}
    if not all(isinstance(by_name.get(name), ast.ClassDef | ast.FunctionDef) for name in names):
        return []
    waiting, needed = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in needed or name not in by_name:
            continue
        needed.add(name)
        waiting += [node.id for node in ast.walk(by_name[name]) if isinstance(node, ast.Name)]
    return [node for node in body if needed & set(_bound([node]))]


def _bound(nodes: Iterable[ast.stmt]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found
