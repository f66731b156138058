"""
Executes a Python file under a name of its own, so that two routes, and two versions of one, never share a module.

A file that imports relatively becomes part of a package of the same own name.
"""

import ast
import importlib
import itertools
import re
import sys
import traceback
import types
from pathlib import Path
from typing import Final

from gateway.errors import GatewayError, LoadError
from gateway.loaders.table import EXTRA_OF

_counter: Final = itertools.count(1)

#: Modules whose package is called otherwise; pip knows a package of some of these names that is another one.
_PACKAGES: Final = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "imblearn": "'multi-model-gateway[imbalanced]'",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}


def make_module(path: Path) -> types.ModuleType:
    """Return the empty module of a file; its packages are imported where the file imports relatively."""
    source = path.read_bytes()
    number = next(_counter)
    depth = _relative_depth(source)
    is_package = path.name == "__init__.py"
    if not depth and not is_package:
        module = types.ModuleType(f"gateway_model_{number}_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}")
    else:
        module = _in_package(path, f"gateway_model_{number}", max(depth, 1), is_package=is_package)
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    return module


def _in_package(path: Path, top: str, depth: int, *, is_package: bool) -> types.ModuleType:
    """Return the module of a file in a package; `depth` is the number of folders that its imports reach up to."""
    above = path.parents[depth - 1]
    names = path.parent.relative_to(above).parts
    if is_package and not names:
        return _package(top, above)
    _package(top, above)
    name = ".".join((top, *names, *(() if is_package else (path.stem,))))
    if is_package:
        importlib.import_module(name.rpartition(".")[0])
        return _package(name, path.parent)
    if names or (above / "__init__.py").is_file():
        _run_package(top, above)
        importlib.import_module(name.rpartition(".")[0])
    module = types.ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    return module


def _package(name: str, folder: Path) -> types.ModuleType:
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    package.__package__ = name
    sys.modules[name] = package
    return package


def _run_package(name: str, folder: Path) -> None:
    start = folder / "__init__.py"
    if start.is_file():
        sys.modules[name].__file__ = str(start)
        run(start, sys.modules[name])


def _relative_depth(source: bytes) -> int:
    """Return how many folders the relative imports of a file reach up to; 0 without any, or where it has no syntax."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return 0
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def run(path: Path, module: types.ModuleType) -> None:
    """Run the source without leaving byte code beside it."""
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))  # noqa: S102  the purpose of this loader
    except GatewayError:
        raise
    except Exception as exc:
        sys.modules.pop(module.__name__, None)
        raise LoadError(
            f"{path.name}:{line_of(path, exc)}: {type(exc).__name__}: {exc}",
            code="python-import",
            hint=fix_of(path, exc),
        ) from exc


def fix_of(path: Path, exc: BaseException) -> str:
    """Return what to do about an exception of the code."""
    if isinstance(exc, FileNotFoundError) and isinstance(exc.filename, str) and not exc.filename.startswith("/"):
        return (
            f'put it beside {path.name}, or write Path(__file__).parent / "{exc.filename}"; where a '
            "container forbids a working folder for each thread, only the latter works"
        )
    if isinstance(exc, FileNotFoundError):
        return (
            f"what {path.name} opens is copied with it where a run of it shows it; list other files in the registry: "
            "`files: [weights.json, data/*.csv]`"
        )
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        module = exc.name.partition(".")[0]
        return f"install its package beside the gateway ({_pip_line(module)}), or put {module}.py beside {path.name}"
    return f"make `python {path.name}` work in this environment"


def _pip_line(module: str) -> str:
    """Return the command that installs a module: the extra of the gateway that brings it, or its own package."""
    extra = EXTRA_OF.get(module)
    package = f"'multi-model-gateway[{extra}]'" if extra else _PACKAGES.get(module, module)
    return f"pip install {package}"


def line_of(path: Path, exc: BaseException) -> int:
    """Return the last line of the file that was being run."""
    if isinstance(exc, SyntaxError) and exc.filename == str(path):
        return exc.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines and lines[-1] is not None else 0
