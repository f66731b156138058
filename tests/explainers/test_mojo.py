"""H2O models: the contributions of H2O's own server to the last bit, levels summed back; GLM by its coefficients."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explainers.few import some
from explainers.law import explained
from explainers.mojo_specimens import FOLDER, SPECIMENS, Specimens, grow
from explainers.rows import random_rows
from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.explainers.mojo_margins import margin_of
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Output

SCALES = {
    "gbm-poisson": "log",
    "gbm-offset": "value",
    "drf-binomial": "probability",
    "drf-regression": "value",
    "xgboost-poisson": "log",
    "glm-poisson": "log",
    "glm-multinomial": "margin",
    "glm-offset": "value",
}

#: One that a JVM explains and one that is read, for the short tests: 1,000 rows take seconds in a fresh JVM.
SHORT = ("gbm-bernoulli", "glm-multinomial")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the scoring classes, shared with the other tests of MOJOs."""
    return tmp_path_factory.getbasetemp() / "mojo-cache"


@pytest.fixture(scope="module", params=["kept", pytest.param("grown", marks=pytest.mark.slow)])
def specimens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Specimens:
    """Return the models of this folder, or those of a server that trains them now."""
    return Specimens(FOLDER) if request.param == "kept" else grow(tmp_path_factory.mktemp("mojos"))


def load(path: Path, cache: Path) -> Any:
    """Return the predictor of a MOJO."""
    return get_loader("h2o_mojo").load(path, LoadOptions(cache_dir=cache))


@pytest.mark.parametrize("name", some(SPECIMENS, SHORT))
def test_the_parts_add_up(specimens: Specimens, cache: Path, name: str) -> None:
    """1,000 rows with gaps of each algorithm and link, on the scale of the link."""
    predictor = load(specimens.path(name), cache)
    found = explained("h2o_mojo", predictor, random_rows(predictor.signature))
    assert found.scale == SCALES.get(name, "log-odds")


@pytest.mark.parametrize("name", some(SPECIMENS, ("gbm-bernoulli", "drf-binomial", "xgboost-poisson")))
def test_they_are_those_of_the_server(specimens: Specimens, cache: Path, name: str) -> None:
    """predict_contributions of H2O says the same to the last bit; a level's part is its column's."""
    expected = specimens.contributions(name)
    assert bool(expected) == (not name.startswith("glm"))
    if not expected:
        return
    predictor = load(specimens.path(name), cache)
    fields = predictor.signature.names
    found = explained("h2o_mojo", predictor, specimens.rows(predictor.signature))
    theirs = np.zeros_like(found.contributions)
    for column, parts in expected.items():
        if column != "BiasTerm":
            theirs[:, fields.index(column if column in fields else column.partition(".")[0])] += parts
    if "shift" in fields:
        theirs[:, fields.index("shift")] = specimens.rows(predictor.signature)[fields.index("shift")]
    assert np.array_equal(found.contributions, theirs)
    assert np.array_equal(found.base, expected["BiasTerm"])


def test_terms_of_a_glm_are_coefficient_times_value(cache: Path) -> None:
    """The coefficients that the file's own model.ini states, by hand: a level's, and a number's times the number."""
    predictor = load(Specimens(FOLDER).path("glm-poisson"), cache)
    info, _ = predictor.archive.sections("")
    beta, levels = json.loads(info["beta"]), predictor.signature.inputs[0].enum
    names = predictor.signature.names
    assert names[0] == "region"
    rows = [np.array(["west"], dtype=object), *(np.array([value]) for value in (40.0, 20_000.0, 3.0))]
    found = explained("h2o_mojo", predictor, rows)
    first = 0 if info["use_all_factor_levels"] == "true" else 1
    by_hand = [beta[levels.index("west") - first], *(np.multiply(beta[-4:-1], [40.0, 20_000.0, 3.0]))]
    assert found.contributions[0] == pytest.approx(by_hand, rel=1e-12)
    assert found.base[0] == beta[-1]


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("gbm-bernoulli", {"balance_classes": "true"}, "balance_classes corrects"),
        ("gbm-bernoulli", {"category": "Multinomial"}, "Gradient Boosting Machine of more than two classes"),
        ("drf-binomial", {"binomial_double_trees": "true"}, "binomial_double_trees"),
        ("xgboost-binomial", {"booster": "gblinear"}, "linear booster"),
        ("gbm-bernoulli", {"algo": "stackedensemble"}, "a stacked ensemble answers"),
        ("gbm-bernoulli", {"algo": "deeplearning"}, "neural network"),
        ("gbm-bernoulli", {"algo": "isolationforest"}, "isolation forests"),
        ("gbm-bernoulli", {"algo": "psvm", "algorithm": "SVM"}, "models of SVM"),
        ("glm-binomial", {"link": "inverse"}, "the link inverse"),
        ("glm-binomial", {"interactions": "[age, rooms]"}, "interactions are made of several fields"),
        ("glm-binomial", {"mean_imputation": "false"}, "does not impute"),
    ],
)
def test_all_others_are_refused_by_name(cache: Path, name: str, changed: dict[str, str], reason: str) -> None:
    """What H2O has no contributions for, and what is no sum, says so and what would be."""
    predictor = load(Specimens(FOLDER).path(name), cache)
    info, columns = predictor.archive.sections("")
    predictor.archive = SimpleNamespace(sections=lambda folder: (info | changed, columns))
    with pytest.raises(NotExplainable, match=reason) as refusal:
        explainer_for("h2o_mojo", predictor, predictor.signature.output)
    assert refusal.value.hint


def test_the_positive_label_turns_the_signs(cache: Path) -> None:
    """Of the first class: the parts of a chance are turned, and the base value with them."""
    predictor = load(Specimens(FOLDER).path("drf-binomial"), cache)
    rows = random_rows(predictor.signature, 20)
    own = explained("h2o_mojo", predictor, rows)
    output = Output(kind="classification", labels=("no", "yes"), probabilities=True, positive="no")
    found = explainer_for("h2o_mojo", predictor, output).explain(rows)
    assert np.allclose(found.contributions, -own.contributions)
    assert np.allclose(found.margin, 1.0 - own.margin)
    assert found.labels is not None
    assert found.labels.tolist() == [0] * 20


def test_a_margin_is_known_as_far_as_its_answer() -> None:
    """A rounded chance allows what rounds to it, and nothing beyond."""
    near_one = np.array([1.0 / (1.0 + np.exp(-30.0))])
    assert margin_of(near_one, np.array([30.0001]), "log-odds", np.float64)[0] == 30.0001
    assert margin_of(near_one, np.array([31.0]), "log-odds", np.float64)[0] < 30.01
    assert margin_of(np.array([0.5]), np.array([0.1]), "log-odds", np.float64)[0] < 1e-15
    assert margin_of(np.array([3.0]), np.array([5.0]), "value", np.float64)[0] < 3.0 + 1e-15
    assert margin_of(np.array([1.0]), np.array([40.0]), "log-odds", np.float32)[0] == 40.0
