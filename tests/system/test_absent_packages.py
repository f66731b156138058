"""Hidden packages are not found in the block only, and what is imported without them answers alike."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import extras
from gateway.system.absent_packages import absent

#: Imports a loader as the prepare child does, and asks a model of it.
_ASKED = """
import sys
import numpy as np
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.table import row_of
from gateway.system.absent_packages import absent
from pathlib import Path

name, path = sys.argv[1:]
with absent(row_of(name).needless):
    loader = get_loader(name)
assert not row_of(name).needless or "sklearn" not in sys.modules, "scikit-learn was imported"
found = loader.load(Path(path), LoadOptions())
print(*np.asarray(found.predict([np.array([0.5, -1.0]), np.array([2.0, np.nan])]).values).tolist())
import sklearn.base
"""


def test_it_is_hidden_in_the_block_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that nobody imported yet is absent within, there again behind; what is imported stays."""
    (tmp_path / "imported_by_nobody.py").write_text("FOUND = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with absent(("imported_by_nobody", "json")):
        with pytest.raises(ModuleNotFoundError):
            __import__("imported_by_nobody")
        assert __import__("json") is sys.modules["json"]
    assert __import__("imported_by_nobody").FOUND


def trained(name: str, folder: Path) -> tuple[Path, list[float]]:
    """Train a small booster and save it; return its file and what the library answers to two rows."""
    rows = np.random.default_rng(3).normal(size=(200, 2))
    target, asked = rows[:, 0] * 2 + rows[:, 1], np.array([[0.5, 2.0], [-1.0, np.nan]])
    path = folder / {"xgboost": "m.ubj", "lightgbm": "m.txt"}[name]
    if name == "xgboost":
        xgboost = pytest.importorskip("xgboost")
        model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, target, feature_names=["a", "b"]), 5)
        model.save_model(path)
        return path, model.predict(xgboost.DMatrix(asked, feature_names=["a", "b"])).tolist()
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(rows, target, feature_name=["a", "b"]), 5)
    model.save_model(path)
    return path, model.predict(asked).tolist()


@extras.needs("sklearn")
@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_boosters_do_without_scikit_learn(tmp_path: Path, name: str) -> None:
    """A loader that hides what its framework does not need answers as the library does, and scikit-learn can follow."""
    path, told = trained(name, tmp_path)
    done = subprocess.run([sys.executable, "-c", _ASKED, name, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [float(one) for one in done.stdout.split()] == pytest.approx(told, rel=1e-6)
