"""Compiled models of LightGBM: proven equal for every objective and kind of split that the compiler takes."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from gateway.compilers.base import Declined
from gateway.compilers.proof.search import Job, find_compiled
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.validation.sample import sample_row

ROWS = 400
DRAW = np.random.default_rng(21)
NUMBERS = DRAW.normal(size=(ROWS, 4))
NUMBERS[::6, 1] = np.nan
NUMBERS[::4, 2] = 0
VALUE = NUMBERS[:, 0] + np.nan_to_num(NUMBERS[:, 1])
CODES = np.column_stack([NUMBERS[:, 0], DRAW.integers(0, 40, ROWS), NUMBERS[:, 2]])
FRAME = pd.DataFrame(
    {
        "x": NUMBERS[:, 0],
        "city": pd.Categorical(DRAW.choice(["Berlin", "München", "東京", "A", "B"], ROWS)),
        "size": pd.Categorical(DRAW.choice(["S", "M", "L"], ROWS), ordered=True, categories=["S", "M", "L"]),
        "flag": pd.Categorical(DRAW.random(ROWS) > 0.5),
        "z": NUMBERS[:, 2],
    }
)
FRAME.loc[::9, "city"] = np.nan
OPTIONS = {"verbose": -1, "num_threads": 1, "min_data_per_group": 5, "cat_smooth": 1, "num_leaves": 16}
CLASSES = (VALUE > 0) * 1 + (VALUE > 1)

#: Options of training, rows, target.
KINDS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "value": ({}, NUMBERS, VALUE),
    "pair": ({"objective": "binary", "sigmoid": 2.5}, NUMBERS, VALUE > 0),
    "classes": ({"objective": "multiclass", "num_class": 3}, NUMBERS, CLASSES),
    "one against all": ({"objective": "multiclassova", "num_class": 3}, NUMBERS, CLASSES),
    "counts": ({"objective": "poisson"}, NUMBERS, np.abs(VALUE)),
    "a share": ({"objective": "cross_entropy"}, NUMBERS, (VALUE > 0) * 0.7),
    "random forest": ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, NUMBERS, VALUE),
    "dart": ({"boosting": "dart"}, NUMBERS, VALUE),
    "zero is missing": ({"zero_as_missing": True}, NUMBERS, VALUE),
    "nothing is missing": ({"use_missing": False}, NUMBERS, VALUE),
    "levels": ({"objective": "binary"}, FRAME, VALUE + (FRAME.city == "東京") > 0),
    "levels, zero is missing": ({"zero_as_missing": True}, FRAME, VALUE),
    "codes": ({"categorical_column": [1]}, CODES, VALUE + CODES[:, 1] % 3),
}


def job_of(kind: tuple[dict[str, Any], Any, Any], folder: Path) -> Job:
    """Train a model, load its file, and ask for a compiled one."""
    options, rows, target = kind
    booster = lightgbm.train({**OPTIONS, **options}, lightgbm.Dataset(rows, np.asarray(target, dtype=float)), 8)
    booster.save_model(folder / "model.txt")
    original = get_loader("lightgbm").load(folder / "model.txt", LoadOptions())
    row, path = sample_row(original.signature), folder / "model.compiled"
    return Job(loader="lightgbm", original=original, merged=original.signature, path=path, row=row)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_proven_equal(kind: str, tmp_path: Path) -> None:
    """Rows on thresholds, around zero, missing and with unknown levels: no answer differs by more than rounding."""
    job = job_of(KINDS[kind], tmp_path)
    try:
        found = find_compiled(job)
    except Declined as reason:
        assert "no faster" in str(reason)  # on a busy machine; the proof comes before
        return
    assert found.proof.rows >= 100
    assert found.proof.max_difference < 1e-14


@pytest.mark.parametrize(("options", "reason"), [({"linear_tree": True}, "linear"), ({"reg_sqrt": True}, "objective")])
def test_what_is_not_known_is_declined(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """Leaves with formulas, and a link without a name, stay with LightGBM."""
    with pytest.raises(Declined, match=reason):
        find_compiled(job_of((options, NUMBERS, VALUE), tmp_path))
