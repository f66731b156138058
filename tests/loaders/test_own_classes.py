"""A model with classes of one's own is refused with a Python route in full, which serves it when it is pasted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import ArtifactError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from loaders.test_python_files import Folder, ask, clean_path, folder

__all__ = ["clean_path", "folder"]

MODULE = """
from sklearn.base import BaseEstimator, TransformerMixin

class WithRatio(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return [[*row, row[0] / (row[1] + BASE)] for row in X]

BASE = 1
"""
TRAIN = """
import joblib, skops.io, pickle
import numpy as np
from ratios import WithRatio
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

PLUS = 0

class OfTheScript(WithRatio):
    def transform(self, X):
        return super().transform(X + PLUS)

def tokens(text):
    return text.split()

X = np.random.default_rng(1).uniform(1, 9, (50, 2)).round(1)
y = 3 * X[:, 0] + X[:, 0] / (X[:, 1] + 1)
model = make_pipeline(WithRatio(), LinearRegression()).fit(X, y)
joblib.dump(model, "module.joblib", compress=3)
skops.io.dump(model, "module.skops")
pickle.dump(make_pipeline(OfTheScript(), LinearRegression()).fit(X, y), open("script.pkl", "wb"))
texts = make_pipeline(CountVectorizer(tokenizer=tokens, token_pattern=None), DecisionTreeClassifier(random_state=0))
joblib.dump(texts.fit(["good film", "bad film"] * 3, ["pos", "neg"] * 3), "texts.joblib")
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train four models where their code lies."""
    place = tmp_path_factory.mktemp("trained")
    (place / "ratios.py").write_text(MODULE)
    (place / "train.py").write_text(TRAIN)
    subprocess.run([sys.executable, "train.py"], cwd=place, check=True)
    return place


@pytest.fixture
def trained(models: Path, folder: Folder) -> Folder:
    """Return a folder with the models and their code."""
    shutil.copytree(models, folder.base, dirs_exist_ok=True)
    return folder


def refusal(path: Path, *, allowed: bool = True) -> ArtifactError:
    """Return how a file is refused."""
    with pytest.raises(ArtifactError) as error:
        get_loader("sklearn").load(path, LoadOptions(allow_pickle=allowed, origin=path.parent))
    return error.value


@pytest.mark.parametrize(
    "files",
    [
        {"script.pkl": "forbidden-pickle"},
        pytest.param({"module.skops": "untrusted-types"}, marks=pytest.mark.slow),
        pytest.param(
            {
                "module.joblib": "forbidden-pickle",
                "module.skops": "untrusted-types",
                "texts.joblib": "forbidden-pickle",
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["script", "skops", "two of one name, and texts"],
)
def test_the_route_that_is_told_serves_the_model(trained: Folder, files: dict[str, str]) -> None:
    """The fix is run as it stands, in the folder of the artifact; the route answers as the model did."""
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for name, code in files.items():
        error = refusal(trained.base / name)
        assert error.code == code
        assert ("ratios.WithRatio" if name.startswith("module") else "__main__.") in error.message
        assert refusal(trained.base / name, allowed=False).hint == error.hint
        lines = str(error.hint).splitlines()
        assert lines[0].endswith("run this:")
        # Adding the first of them is enough: the command has its own tests.
        told = lines[1:] if name == "script.pkl" else lines[1:-1]
        subprocess.run(
            ["bash", "-ec", "\n".join(told)], cwd=trained.base, env={**os.environ, "PATH": paths}, check=True
        )
        route = lines[1].split()[2]
        is_second = name == "module.skops" and "module.joblib" in files
        assert route == ("module_skops_route.py" if is_second else f"{name.partition('.')[0]}_route.py")
        loaded = trained.load(trained.keep(route), route)
        values = ["a good film"] if name.startswith("texts") else [6.0, 3.0]
        assert ask(loaded, *values) == ("pos" if name.startswith("texts") else pytest.approx(19.5))
    assert "script.pkl" not in files or "/script" in (trained.base / "registry.yaml").read_text()


def test_what_the_fix_cannot_know_is_said(trained: Folder) -> None:
    """Without the module, and without the script, the fix says which names are to be brought."""
    for name in ("ratios.py", "train.py"):
        (trained.base / name).unlink()
    assert "put ratios.py beside module.skops" in str(refusal(trained.base / "module.skops").hint)
    assert "write OfTheScript into script_route.py" in str(refusal(trained.base / "script.pkl").hint)


def test_no_route_is_proposed_for_a_file_that_acts(tmp_path: Path) -> None:
    """A pickle that names a command beside a class of one's own is refused as before."""
    path = tmp_path / "m.pkl"
    path.write_bytes(b"\x80\x04cratios\nWithRatio\n0cposix\nsystem\n\x8c\x02ls\x85R.")
    error = refusal(path)
    assert (error.code, "cat >" in str(error.hint)) == ("forbidden-pickle", False)
