"""Compiled models of CatBoost: proven equal for every kind of answer and tree that the compiler takes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.compilers.base import Declined
from gateway.compilers.catboost import CatboostCompiler
from gateway.compilers.proof.proof import prove
from gateway.compilers.proof.search import Job, find_compiled
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.runtimes.matrix import MatrixModel
from gateway.validation.sample import sample_row

catboost = pytest.importorskip("catboost", reason="catboost is not installed")

ROWS = 300
DRAW = np.random.default_rng(21)
NUMBERS = DRAW.normal(size=(ROWS, 4))
WHOLE = NUMBERS.copy()
NUMBERS[::6, 1] = np.nan
VALUE = NUMBERS[:, 0] + np.nan_to_num(NUMBERS[:, 1]) * WHOLE[:, 2]
PAIR, CLASSES = (VALUE > 0) * 1, (VALUE > 0) * 1 + (VALUE > 1)
SEVERAL = np.column_stack([VALUE, WHOLE[:, 2]])

#: Loss function, target, further options.
KINDS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "pair": ("Logloss", PAIR, {}),
    "words": ("MultiClass", np.array(["no", "some", "many"])[CLASSES], {}),
    "one against all": ("MultiClassOneVsAll", CLASSES, {}),
    "several labels": ("MultiLogloss", (SEVERAL > 0) * 1, {}),
    "missing is least": ("RMSE", VALUE, {"nan_mode": "Min"}),
    "missing is most": ("RMSE", VALUE, {"nan_mode": "Max"}),
    "missing is forbidden": ("RMSE", VALUE, {"nan_mode": "Forbidden"}),
    "starts from a mean": ("MAE", VALUE + 7, {"boost_from_average": True}),
    "a quantile": ("Quantile:alpha=0.9", VALUE, {}),
    "counts": ("Poisson", CLASSES, {}),
    "amounts": ("Tweedie:variance_power=1.5", CLASSES, {}),
    "several values": ("MultiRMSE", SEVERAL, {}),
    "deep": ("RMSE", VALUE, {"depth": 10, "iterations": 3}),
    "leaf by leaf": ("Logloss", PAIR, {"grow_policy": "Lossguide"}),
    "level by level": ("MultiClass", CLASSES, {"grow_policy": "Depthwise", "nan_mode": "Max"}),
}


def trained(loss: str, target: Any, options: dict[str, Any], rows: Any = None) -> Any:
    """Return a small model."""
    defaults = {"iterations": 5, "depth": 3, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    rows = (WHOLE if options.get("nan_mode") == "Forbidden" else NUMBERS) if rows is None else rows
    return catboost.CatBoost({**defaults, "loss_function": loss, **options}).fit(rows, target)


def job_of(model: Any, folder: Path) -> Job:
    """Save a model, load its file, and ask for a compiled one."""
    model.save_model(str(folder / "model.cbm"))
    original = get_loader("catboost").load(folder / "model.cbm", LoadOptions())
    row, path = sample_row(original.signature), folder / "model.compiled"
    return Job(loader="catboost", original=original, merged=original.signature, path=path, row=row)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_proven_equal(kind: str, tmp_path: Path) -> None:
    """Rows on borders, one step beside them, missing and infinite: no answer differs by more than rounding."""
    try:
        found = find_compiled(job_of(trained(*KINDS[kind]), tmp_path))
    except Declined as reason:
        assert "no faster" in str(reason)  # on a busy machine; the proof comes before
        return
    assert found.proof.rows >= 3_000
    assert found.proof.max_difference < 1e-14
    assert found.uses == (("onnxruntime",) if "grow_policy" in KINDS[kind][2] else ())


@pytest.mark.parametrize(
    ("loss", "target", "reason"),
    [
        ("RMSEWithUncertainty", VALUE, "RMSEWithUncertainty"),
        ("Logloss", PAIR, "threshold of their own"),
        ("MultiLogloss", (SEVERAL > 0) * 1, "threshold of their own"),
    ],
)
def test_answers_that_catboost_alone_makes_are_declined(loss: str, target: Any, reason: str, tmp_path: Path) -> None:
    """A variance, and a label by another threshold than one half."""
    model = trained(loss, target, {})
    if loss.endswith("Logloss"):
        model.get_metadata()["binclass_probability_threshold"] = "0.3"
    with pytest.raises(Declined, match=reason):
        find_compiled(job_of(model, tmp_path))


def test_categories_are_declined(tmp_path: Path) -> None:
    """Their hashes and counters stay with CatBoost."""
    rows = np.column_stack([NUMBERS.astype(object), np.array(["a", "b", "c"])[DRAW.integers(0, 3, ROWS)]])
    with pytest.raises(Declined, match="categories"):
        find_compiled(job_of(trained("RMSE", VALUE, {"cat_features": [4]}, rows), tmp_path))


def test_a_weighted_sum_of_models_is_proven_equal(tmp_path: Path) -> None:
    """Every part brings its own scale and start; the trees of both count."""
    parts = [trained("RMSE", VALUE + shift, {"random_seed": shift}) for shift in (0, 9)]
    job = job_of(catboost.sum_models(parts, weights=[0.3, 0.9]), tmp_path)
    draft = CatboostCompiler().lower(job.original)
    proof = prove(job.original, MatrixModel(draft.program, draft.signature), draft.rows)  # type: ignore[arg-type]
    assert proof.max_difference < 1e-14


@pytest.mark.parametrize("fault", ["border", "missing", "bit", "leaf", "base"])
def test_a_wrong_part_is_found(fault: str, tmp_path: Path) -> None:
    """A border one float32 step away, missing values on the other side, one bit, one leaf, and another start."""
    job = job_of(trained("RMSE", VALUE, {}), tmp_path)
    draft = CatboostCompiler().lower(job.original)
    node: Any = draft.program.head  # type: ignore[attr-defined]
    prove(job.original, MatrixModel(draft.program, draft.signature), draft.rows)  # type: ignore[arg-type]
    if fault == "border":
        node.borders[0] = np.nextafter(node.borders[0], np.float32(np.inf))
    elif fault == "missing":
        node.missing_high[1] = not node.missing_high[1]
    elif fault == "bit":
        node.table[1, 0] ^= 1
    elif fault == "leaf":
        node.leaves[0, int(np.abs(node.leaves[0]).argmax())] *= 1.01
    else:
        node.base = node.base + 0.01
    with pytest.raises(Declined, match="expected"):
        prove(job.original, MatrixModel(draft.program, draft.signature), draft.rows)  # type: ignore[arg-type]
