"""The files of gateway/child run on every Python from 3.8 on, alone."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from child.child_servers import FILES
from gateway.child.loading import LOADERS
from gateway.child.schema import Field, Output, Signature
from gateway.schema import Field as OurField
from gateway.schema import Output as OurOutput
from gateway.schema import Signature as OurSignature

VERSIONS = [f"3.{minor}" for minor in range(8, 15)]
#: The standard library of 3.8, NumPy, and the frameworks that loaders import at their top.
FRAMEWORKS = {"numpy", "sklearn", "xgboost", "lightgbm", "catboost", "torch"}
#: Loader -> what its file imports; that of scikit-learn's pickles looks first what the file holds.
OWN_FRAMEWORKS = {"catboost": "catboost", "lightgbm": "lightgbm", "torchscript": "torch", "xgboost": "xgboost"}
COMPILE = """
import pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)
print("%d.%d" % sys.version_info[:2])
"""
#: Imports all that needs no framework.
IMPORT = """
import importlib, importlib.util, os, sys
folder = sys.argv[1]
spec = importlib.util.spec_from_file_location("files", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
module = importlib.util.module_from_spec(spec)
sys.modules["files"] = module
for name in ("command", "faults", "http_messages", "main_names", "python_records", "serving", "versions"):
    importlib.import_module("files." + name)
print("%d.%d" % sys.version_info[:2])
"""


def interpreters() -> dict[str, str]:
    """Return the interpreters that really run: those of pyenv and those on the path."""
    found = {}
    for version in VERSIONS:
        places = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        for place in [*map(str, places), shutil.which(f"python{version}")]:
            if place and subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[version] = place
                break
    return found | {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}


FOUND = interpreters()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", [COMPILE, IMPORT], ids=["compiles", "imports"])
def test_every_interpreter_reads_the_files(version: str, program: str) -> None:
    """No syntax and no name of a later version; without any package."""
    if version not in FOUND:
        pytest.skip(f"no Python {version} runs here")
    done = subprocess.run(
        [FOUND[version], "-I", "-B", "-c", program, str(FILES)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (version, "")


def test_nothing_but_the_standard_library_numpy_and_frameworks_is_imported() -> None:
    """What an environment needs beside its model is NumPy."""
    known = FRAMEWORKS | sys.stdlib_module_names
    for path in FILES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            assert {name.partition(".")[0] for name in names} <= known, path.name


def imported(module: str) -> set[str]:
    """Return what importing a file of the server imports, over all of its own files."""
    found, waiting = set(), [module]
    while waiting:
        for node in ast.parse((FILES / f"{waiting.pop()}.py").read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.level and node.module not in found:
                found.add(str(node.module))
                waiting.append(str(node.module))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {alias.name.partition(".")[0] for alias in node.names if isinstance(node, ast.Import)}
                found.add((getattr(node, "module", "") or "").partition(".")[0])
    return found


@pytest.mark.parametrize("loader", sorted(LOADERS))
def test_a_loader_imports_its_own_framework_only(loader: str) -> None:
    """An environment with PyTorch and NumPy serves TorchScript: scikit-learn is for models of scikit-learn."""
    assert imported(LOADERS[loader].lstrip(".")) & FRAMEWORKS <= {"numpy", OWN_FRAMEWORKS.get(loader, "")}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(Field, OurField), (Output, OurOutput), (Signature, OurSignature)],
    ids=["field", "output", "signature"],
)
def test_the_signature_of_a_child_is_the_gateways(theirs: type, ours: type) -> None:
    """The same names with the same defaults: msgspec reads the one as the other."""
    defaults = {name: one.default for name, one in ours.__dataclass_fields__.items()}  # type: ignore[attr-defined]
    for name, one in theirs.__dataclass_fields__.items():  # type: ignore[attr-defined]
        assert one.default == defaults[name] or name in {"inputs", "output", "name"}, name
