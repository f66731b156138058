"""Columns that a pipeline drops are neither asked for nor refused, and no answer depends on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.feature_selection import RFE, SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from gateway.errors import InputError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.rest.describe.request_schema import instance_schema

from .test_data_types import Served

DRAW = np.random.default_rng(6)
FRAME = pd.DataFrame(DRAW.normal(10, 2, size=(40, 4)), columns=["a", "b", "c", "d"])
TARGET = FRAME["a"] * 3 + FRAME["d"]


def served(model: Any, folder: Path, **keys: Any) -> Served:
    """Serve a model that was saved as skops."""
    skops.io.dump(model, folder / "m.skops")
    return Served(get_loader("sklearn").load(folder / "m.skops", LoadOptions()), **keys)


def test_a_dropped_column_may_be_there_or_not(tmp_path: Path) -> None:
    """Objects, lists, tables and tensors answer alike with the whole training frame and with what is used."""
    model = make_pipeline(make_column_transformer((StandardScaler(), ["d", "a"])), Ridge()).fit(FRAME, TARGET)
    found = served(model, tmp_path)
    want = pytest.approx(model.predict(FRAME))
    assert (found.signature.names, found.signature.dropped) == (("a", "d"), ("b", "c"))
    for sent in (FRAME, FRAME[["d", "a", "c"]], FRAME[["a", "d"]], FRAME.assign(b="text", c=None)):
        assert found.json(sent.to_json(orient="records", double_precision=15)) == want
        assert found.table(sent.to_csv(index=False)) == want
    for sent in (FRAME, FRAME[["a", "d"]]):
        assert found.json(str(sent.values.tolist())) == want
    schema = instance_schema(found.signature, strict=True)
    assert set(schema["properties"]) == {"a", "b", "c", "d"}
    assert schema["required"] == ["a", "d"]
    with pytest.raises(InputError, match="e is not a field"):
        found.json('{"a": 1, "d": 2, "e": 3}')


def test_the_fields_of_the_registry_may_carry_a_dropped_name(tmp_path: Path) -> None:
    """A row id or an alias that is called like a dropped column is what the registry says."""
    model = make_pipeline(make_column_transformer((StandardScaler(), ["d", "a"])), Ridge()).fit(FRAME, TARGET)
    found = served(model, tmp_path, inputs={"a": {"aliases": ("b",)}})
    assert found.json('{"b": 1, "d": 2}') == found.json('{"a": 1, "d": 2, "c": 9}')


@pytest.mark.parametrize(
    ("model", "unused"),
    [
        (make_pipeline(StandardScaler(), SelectKBest(f_regression, k=2), LinearRegression()), {"b", "c"}),
        (make_pipeline(StandardScaler(), RFE(LinearRegression(), n_features_to_select=1)), {"b", "c", "d"}),
        (make_pipeline(VarianceThreshold(), SelectKBest(f_regression, k=2), LinearRegression()), {"b", "c"}),
        (make_pipeline(SimpleImputer(), SelectKBest(f_regression, k=2), LinearRegression()), {"b", "c"}),
        # What mixes columns, or shows them to a second model, needs them all.
        (make_pipeline(Normalizer(), SelectKBest(f_regression, k=2), LinearRegression()), set()),
        (make_pipeline(SimpleImputer(add_indicator=True), SelectKBest(f_regression, k=2), LinearRegression()), set()),
        (
            StackingRegressor(
                [("s", make_pipeline(SelectKBest(f_regression, k=2), LinearRegression()))], passthrough=True, cv=2
            ),
            set(),
        ),
        (VotingRegressor([("s", make_pipeline(SelectKBest(f_regression, k=2), Ridge()))]), {"b", "c"}),
        (
            make_pipeline(StandardScaler(), make_column_transformer((SelectKBest(f_regression, k=1), [0, 1])), Ridge()),
            {"b", "c", "d"},
        ),
    ],
)
def test_a_column_that_selection_drops_is_not_required(tmp_path: Path, model: Any, unused: set[str]) -> None:
    """Only what no model can see is optional, with any value; tables may leave it out, too."""
    frame = FRAME.assign(b=DRAW.normal(size=40), c=DRAW.normal(size=40))
    model.fit(frame, frame["a"] * 9 + (frame["d"] if unused != {"b", "c", "d"} else 0))
    found = served(model, tmp_path)
    assert {field.name for field in found.signature.inputs if field.unused} == unused
    want = pytest.approx(model.predict(frame))
    assert found.table(frame.to_csv(index=False)) == want
    assert found.table(frame.drop(columns=list(unused)).to_csv(index=False)) == want
    assert found.json(frame.drop(columns=list(unused)).to_json(orient="records", double_precision=15)) == want
    for name in set(frame) - unused:
        with pytest.raises(InputError):
            found.table(frame.drop(columns=name).to_csv(index=False))
