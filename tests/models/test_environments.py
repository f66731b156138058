"""Serving, training and a cluster have an environment each, in which every package has what it demands."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from locked import pins

from extras import CLUSTER, TRAINING, needs_cluster, needs_training

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "python",
    [
        Path(sys.executable),
        pytest.param(TRAINING, marks=needs_training),
        pytest.param(CLUSTER, marks=needs_cluster),
    ],
    ids=str,
)
def test_nothing_is_broken(python: Path) -> None:
    """`pip check` has nothing to say."""
    done = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_training_has_the_frameworks_of_serving() -> None:
    """What both locks name has one version, gunicorn alone excepted: MLflow demands an older one."""
    serving, training = pins("requirements.lock"), pins("requirements-train.lock")
    both = serving.keys() & training.keys()
    assert {name for name in both if serving[name] != training[name]} == {"gunicorn"}
    assert {"scikit-learn", "xgboost-cpu", "lightgbm", "h2o", "skops", "numpy", "pandas"} <= both


def test_the_gateway_never_needs_all_of_mlflow() -> None:
    """No extra and no lock of serving or of tests names the package that demands another gunicorn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [one for extra in project["optional-dependencies"].values() for one in extra]
    assert not [one for one in named if one.startswith("mlflow") and not one.startswith("mlflow-skinny")]
    assert not {"mlflow"} & (pins("requirements.lock").keys() | pins("requirements-dev.lock").keys())


def test_a_cluster_has_all_of_serving() -> None:
    """A replica loads a model with the packages that it was prepared with; Ray is beside them, and in no other lock."""
    serving, cluster = pins("requirements.lock"), pins("requirements-ray.lock")
    differing = {name for name in serving if serving[name] != cluster.get(name)}
    assert not differing
    assert "ray" in cluster
    assert not {"ray"} & (
        serving.keys() | pins("requirements-dev.lock").keys() | pins("requirements-train.lock").keys()
    )
