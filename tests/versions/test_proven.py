"""Whatever another version wrote answers here as it did there, or is refused by name; none answers otherwise."""

import json
import warnings
from collections import Counter
from pathlib import Path

import pytest
from foreign.archives import FOLDER, Artifact, all_archives, archives, ask, unpack, version_of
from sklearn.exceptions import InconsistentVersionWarning

from gateway.errors import LoadError
from gateway.loaders.versions import provenance
from gateway.loaders.versions.provenance import installed, minor
from gateway.prepare.acceptance import accept
from gateway.schema import Predictor

ARCHIVES = archives()
#: Fewest artifacts of each version that are served today: what was proven once must not be lost in silence.
SERVED = {
    "0.20": 200, "0.21": 210, "0.22": 220, "0.23": 230, "0.24": 230, "1.0": 250, "1.1": 250, "1.2": 250, "1.3": 270,
    "1.4": 270, "1.5": 275, "1.6": 275, "1.7": 275, "1.8": 270,
}  # fmt: skip
#: Its own version answered rounding: two columns that sum to 1 gave the linear model behind them coefficients of 1e16,
#: and another processor adds up otherwise.
ROUNDING = {"topics"}
#: Tried in every run; `make soak` tries all.
OFTEN = {"0.20", "0.24", "1.3", "1.6"}
IS_LOCKED = json.loads(Path(provenance.__file__).with_name("proven.json").read_text())["sklearn"]["installed"] == minor(
    installed("sklearn")
)


def is_served(predictor: Predictor) -> bool:
    """Say whether a route with this artifact alone, without golden rows or a word of its owner, would serve."""
    try:
        accept(getattr(predictor, "skew", None), accepted=None, golden_rows=0, installed=())
    except LoadError as error:
        assert error.code == "unproven-version"
        return False
    return True


@pytest.mark.skipif(not IS_LOCKED, reason="the table holds for the locked version of scikit-learn")
@pytest.mark.parametrize(
    "archive",
    [path if version_of(path) in OFTEN else pytest.param(path, marks=pytest.mark.slow) for path in ARCHIVES],
    ids=[version_of(path) for path in ARCHIVES],
)
def test_what_another_version_wrote_answers_alike_or_is_refused(archive: Path, tmp_path: Path) -> None:
    """Every committed artifact, in each of its formats: 0 wrong."""
    wrong, counts = [], Counter[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for artifact in unpack(archive, tmp_path):
            result, predictor = ask(artifact)
            if predictor is not None and not is_served(predictor):
                result = "refused: unproven-version"
            counts[result] += 1
            if result == "wrong" and artifact.family not in ROUNDING:
                wrong.append(artifact.path.name)
    assert wrong == []
    assert counts["equal"] >= SERVED.get(version_of(archive), 0), counts


OTHERS = [archive for archive in all_archives() if archive not in ARCHIVES]
OUTCOMES = json.loads(FOLDER.with_name("outcomes.json").read_text())
#: Library of a set -> the extra that a test with it needs.
EXTRAS = {"xgboost": "xgboost", "lightgbm": "lightgbm", "catboost": "catboost", "imbalanced": "imblearn"}


@pytest.mark.skipif(not IS_LOCKED, reason="the table holds for the locked version of scikit-learn")
@pytest.mark.parametrize("archive", OTHERS, ids=[path.name.removesuffix(".tar.xz") for path in OTHERS])
def test_what_other_libraries_wrote_serves(archive: Path, tmp_path: Path) -> None:
    """XGBoost, LightGBM, CatBoost, imbalanced-learn: every artifact that the page of the zoo counts as served."""
    pytest.importorskip(EXTRAS[archive.name.partition("-")[0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Counter(
            "served" if predictor is not None and result == "equal" and is_served(predictor) else result
            for result, predictor in map(ask, unpack(archive, tmp_path))
        )
    assert found == {"served": OUTCOMES[archive.name.removesuffix(".tar.xz")]["served"]}


def test_the_set_is_wide() -> None:
    """At least 96 artifacts of at least 8 versions, LightGBM 3.3 to 4.x and CatBoost 1.x among them; none is wrong."""
    assert len(OUTCOMES) == len(ARCHIVES) + len(OTHERS)
    assert sum(entry["served"] for entry in OUTCOMES.values()) >= 3_900
    assert not any("wrong" in entry["refused"] for entry in OUTCOMES.values())
    assert {"lightgbm-3.3", "lightgbm-4.6", "catboost-1.0", "catboost-1.2", "xgboost-3.4"} <= set(OUTCOMES)


def test_the_set_reaches_from_the_first_version_to_the_last() -> None:
    """One archive for each minor version of scikit-learn from 0.20 to 1.8."""
    assert [version_of(path) for path in ARCHIVES] == [
        "0.20", "0.21", "0.22", "0.23", "0.24", "1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8",
    ]  # fmt: skip


def members(version: str, folder: Path, *names: str) -> dict[str, Artifact]:
    """Return some artifacts of one version by file name."""
    archive = next(path for path in ARCHIVES if version_of(path) == version)
    return {one.path.name: one for one in unpack(archive, folder) if one.path.name in names}


def skew(artifact: Artifact) -> tuple[tuple[str, ...], tuple[str, ...], set[str]]:
    """Return what wrote it, what of that is not proven, and the names of the unproven classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        found = getattr(artifact.load(), "skew", None)
    assert found is not None
    return found.written, found.unproven, {name.partition("(")[0].rpartition(".")[2] for name in found.classes}


@pytest.mark.skipif(not IS_LOCKED, reason="the table holds for the locked version of scikit-learn")
def test_the_written_version_is_read_from_the_artifact(tmp_path: Path) -> None:
    """Pickle, joblib and skops files tell it."""
    found = members("1.3", tmp_path, "forest.pkl", "forest.joblib", "forest.skops", "linear.pkl", "tree_regressor.pkl")
    assert len(found) == 5
    for artifact in found.values():
        assert skew(artifact) == (("scikit-learn 1.3.2",), (), set())


@pytest.mark.skipif(not IS_LOCKED, reason="the table holds for the locked version of scikit-learn")
def test_a_class_is_proven_with_the_options_that_were_compared(tmp_path: Path) -> None:
    """One class answers alike with one option and otherwise with another: the table knows them apart."""
    found = members("1.6", tmp_path, "logistic_auto.pkl", "logistic_ovr.pkl")
    assert skew(found["logistic_auto.pkl"])[1] == skew(found["logistic_ovr.pkl"])[1] == ()
    # A choice that no artifact of 1.6 was written with.
    path = found["logistic_ovr.pkl"].path
    path.write_bytes(path.read_bytes().replace(b"\x8c\x03ovr", b"\x8c\x03any"))
    assert skew(found["logistic_ovr.pkl"])[2] == {"LogisticRegression"}


@pytest.mark.skipif(not IS_LOCKED, reason="the table holds for the locked version of scikit-learn")
def test_the_version_of_xgboost_is_read_from_the_model_inside(tmp_path: Path) -> None:
    """A wrapper says no version of its own, the booster in it does."""
    written, unproven, _ = skew(members("1.5", tmp_path, "xgb_pipeline.pkl")["xgb_pipeline.pkl"])
    assert written == ("scikit-learn 1.5.2", "xgboost 2.0.3")
    assert unproven == ()


def test_under_another_installed_version_nothing_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table holds for the locked minor version alone."""
    part = provenance.Part("sklearn", "sklearn.linear_model._base.LinearRegression", "1.3.2")
    monkeypatch.setattr(provenance, "installed", lambda library: "1.7.2")
    assert not provenance.is_proven(part)
    assert provenance.is_proven(provenance.Part("sklearn", "sklearn.any.Class", "1.7.0"))
    assert not provenance.is_proven(provenance.Part("sklearn", "sklearn.any.Class", provenance.UNKNOWN))


def test_forests_of_xgboost_1_5_use_all_their_trees(tmp_path: Path) -> None:
    """Before 1.6 a file did not say how many trees a round has; the first round alone answered in their place."""
    found = members("1.2", tmp_path, "xgb_forest.json", "xgb_forest_regressor.json")
    assert len(found) == 2
    assert [ask(one)[0] for one in found.values()] == ["equal", "equal"]
