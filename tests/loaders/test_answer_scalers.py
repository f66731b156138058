"""A scaler of the target undoes its scaling behind the model, wherever its name or its place tells that it is one."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVR

from gateway.errors import LoadError

from . import bundled

AGES = bundled.Data().body[["age"]].to_numpy()
PRICE = (3 * AGES + np.sin(AGES) * 20).round(2)
OF_AGE, OF_PRICE = StandardScaler().fit(AGES), StandardScaler().fit(PRICE)
MODEL = SVR().fit(OF_AGE.transform(AGES), OF_PRICE.transform(PRICE).ravel())
ROWS = [{"x0": 31.0}, {"x0": 64.5}]
ASKED = np.array([[31.0], [64.5]])
RIGHT = OF_PRICE.inverse_transform(MODEL.predict(OF_AGE.transform(ASKED)).reshape(-1, 1)).ravel()


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        ({"sc_X.pkl": OF_AGE, "sc_y.pkl": OF_PRICE, "model.pkl": MODEL}, ()),
        ({"scaler.pkl": OF_AGE, "model.pkl": MODEL, "target_scaler.pkl": OF_PRICE}, ()),
        ({"scaler.pkl": OF_AGE, "model.pkl": MODEL, "salary.pkl": OF_PRICE}, ()),
        ({"m.pkl": {"scaler_y": OF_PRICE, "scaler_x": OF_AGE, "model": MODEL}}, ()),
        ({"m.pkl": OrderedDict(model=MODEL, scalerX=OF_AGE, scalerY=OF_PRICE)}, ()),
        ({"m.pkl": {"scaler": OF_AGE, "salary": OF_PRICE, "model": MODEL}}, ("scaler", "model", "salary")),
    ],
    ids=["file by name", "file by name behind", "file by place", "member by name", "capital letter", "steps"],
)
def test_answers_are_scaled_back(files: dict[str, Any], steps: tuple[str, ...], tmp_path: Path) -> None:
    """Support vector regression of a salary, as courses save it: both scalers have one column."""
    found = bundled.load(bundled.write(tmp_path, files), steps)
    np.testing.assert_allclose(bundled.ask(found, ROWS), RIGHT, rtol=1e-12)


def test_two_answers_are_scaled_back(tmp_path: Path) -> None:
    """A scaler of two targets has two columns."""
    targets = np.column_stack([PRICE, PRICE * 2 + 5])
    scaler = MinMaxScaler().fit(targets)
    model = RandomForestRegressor(3, random_state=0).fit(AGES, scaler.transform(targets))
    found = bundled.load(bundled.write(tmp_path, {"model.pkl": model, "y_scaler.pkl": scaler}))
    np.testing.assert_allclose(bundled.ask(found, ROWS), scaler.inverse_transform(model.predict(ASKED)), rtol=1e-12)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model.pkl": MODEL, "scaler.pkl": OF_AGE}, "name the model last: [scaler.pkl, model.pkl]"),
        ({"m.pkl": {"a": OF_AGE, "b": OF_PRICE, "model": MODEL}}, "a scaler of the target stands behind the model"),
        (
            {
                "m.pkl": {
                    "scaler": StandardScaler().fit(np.hstack([AGES, AGES])),
                    "price": OF_PRICE,
                    "model": LinearRegression().fit(np.hstack([AGES, AGES]), PRICE),
                }
            },
            "write `steps: [scaler, model, price]`",
        ),
    ],
    ids=["may be of the inputs", "either", "by width"],
)
def test_what_tells_no_target_is_refused(files: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Neither name nor place says it: the fix line tells how."""
    with pytest.raises(LoadError) as caught:
        bundled.load(bundled.write(tmp_path, files))
    assert said in str(caught.value.hint)
