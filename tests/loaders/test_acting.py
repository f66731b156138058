"""Artifacts that name only what models consist of, and still try to act: each is refused, and nothing has happened."""

from pathlib import Path
from typing import Any

import joblib
import pytest
import skops.io
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV

from gateway.errors import ArtifactError, GatewayError
from gateway.loaders import get_loader
from gateway.loaders.admission.pickle_globals import pickle_imports
from gateway.loaders.base import LoadOptions

from . import acting

ALLOWING = LoadOptions(allow_pickle=True)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def refused(path: Path, code: str) -> None:
    """Demand a refusal by name, and that nothing was written or started meanwhile."""
    with pytest.raises(GatewayError) as error:
        get_loader("sklearn").load(path, ALLOWING)
    assert error.value.code == code
    assert isinstance(error.value, ArtifactError)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("kind", ["pickle", "compressed"])
@pytest.mark.parametrize("name", acting.OPCODES)
def test_opcodes_reach_only_what_the_file_made(tmp_path: Path, name: str, kind: str) -> None:
    """Nothing is called but constructors as the library calls them, and no state is set on what the file did not make."""
    path = tmp_path / "model.pkl"
    acting.write_pickle(name, path, kind)
    refused(path, "forbidden-pickle")


@pytest.mark.parametrize("kind", ["pickle", "joblib"])
@pytest.mark.parametrize("name", acting.MODELS)
def test_a_pickled_model_holds_no_callable(tmp_path: Path, name: str, kind: str) -> None:
    """Whatever could be called, or hides a method, ends the load before anything of the model is asked."""
    path = tmp_path / "model.pkl"
    acting.write_pickle(name, path, kind)
    refused(path, "forbidden-pickle")


@pytest.mark.parametrize("name", [*acting.MODELS, *acting.NODES])
def test_a_skops_file_holds_no_callable(tmp_path: Path, name: str) -> None:
    """The same for skops, whose own list of types would trust several of them."""
    path = tmp_path / "model.skops"
    acting.write_skops(name, path)
    with pytest.raises(GatewayError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code == "untrusted-types"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", acting.OPCODES)
def test_all_globals_are_listed(tmp_path: Path, name: str) -> None:
    """The listing follows every opcode to the model behind it, whatever a load would refuse on the way."""
    path = tmp_path / "model.pkl"
    acting.write_pickle(name, path)
    assert "sklearn.linear_model._logistic.LogisticRegression" in pickle_imports(path)
    assert "numpy.ndarray" in pickle_imports(path) or "joblib" in name


def test_further_pickles_in_one_file_are_listed(tmp_path: Path) -> None:
    """What stands behind the first pickle is listed as well."""
    path = tmp_path / "model.pkl"
    acting.write_pickle("a ufunc as a metric", path)
    path.write_bytes(path.read_bytes() + acting.before(acting.G("os", "system")))
    assert "os.system" in pickle_imports(path)


@pytest.mark.parametrize("suffix", [pytest.param("joblib", marks=pytest.mark.slow), "skops"])
def test_a_search_predicts_without_its_scorer(tmp_path: Path, suffix: str) -> None:
    """What a search keeps for training is left out, and its answers stay the same."""
    search = GridSearchCV(acting.honest(), {"C": [0.1, 1.0]}, scoring="f1").fit(acting.ROWS, acting.CLASSES)
    found = _loaded(search, tmp_path / f"model.{suffix}")
    assert found.estimator.scorer_ is None
    assert found.estimator.predict(acting.ROWS).tolist() == search.predict(acting.ROWS).tolist()


@pytest.mark.parametrize(("suffix", "scoring"), [("joblib", "f1"), ("skops", "balanced_accuracy")])
def test_a_tuned_threshold_keeps_its_positive_class(tmp_path: Path, suffix: str, scoring: str) -> None:
    """The scorer of a tuned threshold is replaced by the label that it would name."""
    model = TunedThresholdClassifierCV(acting.honest(), scoring=scoring).fit(acting.ROWS, acting.CLASSES)
    found = _loaded(model, tmp_path / f"model.{suffix}")
    assert found.estimator.predict(acting.ROWS).tolist() == model.predict(acting.ROWS).tolist()


def _loaded(model: object, path: Path) -> Any:
    writer: Any = skops.io if path.suffix == ".skops" else joblib
    writer.dump(model, path)
    return get_loader("sklearn").load(path, ALLOWING)


def test_two_nodes_of_one_id_are_what_they_say(tmp_path: Path) -> None:
    """A node that borrows the id of another one is made from its own words, not from the other's."""
    path = tmp_path / "model.skops"
    acting.write_alias(path)
    found: Any = get_loader("sklearn").load(path, LoadOptions())
    assert vars(found.estimator)["extra_"] == {"second": "mine"}
