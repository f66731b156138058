"""Runtimes need numpy and ONNX Runtime; msgspec reads their files. No framework, no compiler."""

import ast
import sys
from pathlib import Path

import pytest

import gateway.runtimes

FOLDER = Path(gateway.runtimes.__file__).parent
MAY = {"numpy", "onnxruntime", "msgspec", "gateway"}


def imported(path: Path) -> set[str]:
    """Return the top packages that a file imports, by a statement or by `import_module` of a text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            found |= {str(one.value).partition(".")[0] for one in node.args if isinstance(one, ast.Constant)}
    return found - sys.stdlib_module_names


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_runtimes_import_numpy_and_onnx_runtime_only(path: Path) -> None:
    """What a child in another environment will need is this folder, schema.py and what these import."""
    assert imported(path) - MAY == set()


def test_a_framework_would_be_found(tmp_path: Path) -> None:
    """The rule above can fail."""
    code = tmp_path / "code.py"
    code.write_text("import sklearn.tree\nfrom scipy import sparse\nimportlib.import_module('onnx.helper')\n")
    assert imported(code) == {"sklearn", "scipy", "onnx"}
