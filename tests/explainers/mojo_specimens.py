"""
H2O models with the contributions that H2O's own server states for some rows: kept in mojos/, or grown anew.

`PYTHONPATH=tests:. python -m explainers.mojo_specimens` writes the folder; it needs the package h2o and Java.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

from gateway.schema import Column, Signature, make_column
from zoo import h2o_server

FOLDER: Final = Path(__file__).parent / "mojos"
_EXPECTED: Final = "contributions.json"
_GBM, _DRF = "H2OGradientBoostingEstimator", "H2ORandomForestEstimator"
_XGB, _GLM = "H2OXGBoostEstimator", "H2OGeneralizedLinearEstimator"
_TREES: Final[dict[str, Any]] = {"ntrees": 20, "max_depth": 4, "seed": 1}
_BUSHES: Final[dict[str, Any]] = _TREES | {"min_rows": 2}

#: Name -> estimator, target, and how it is trained.
SPECIMENS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "gbm-bernoulli": (_GBM, "two", _BUSHES),
    "gbm-poisson": (_GBM, "count", _BUSHES | {"distribution": "poisson"}),
    "gbm-offset": (_GBM, "value", _BUSHES | {"offset_column": "shift"}),
    "gbm-onehot": (_GBM, "two", _BUSHES | {"categorical_encoding": "one_hot_explicit"}),
    "drf-binomial": (_DRF, "two", _BUSHES),
    "drf-regression": (_DRF, "value", _BUSHES),
    "xgboost-binomial": (_XGB, "two", _TREES),
    "xgboost-poisson": (_XGB, "count", _TREES | {"distribution": "poisson"}),
    "glm-binomial": (_GLM, "two", {"family": "binomial", "seed": 1}),
    "glm-poisson": (_GLM, "count", {"family": "poisson", "seed": 1}),
    "glm-multinomial": (_GLM, "three", {"family": "multinomial", "seed": 1}),
    "glm-offset": (_GLM, "value", {"family": "gaussian", "offset_column": "shift", "seed": 1}),
}


class Specimens:
    """Read the models of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = json.loads((folder / _EXPECTED).read_text())
        self._rows: list[dict[str, Any]] = found["rows"]
        self._contributions: dict[str, dict[str, list[float]]] = found["contributions"]

    def path(self, name: str) -> Path:
        """Return the MOJO."""
        return self._folder / f"{name}.zip"

    def rows(self, signature: Signature) -> list[Column]:
        """Return the rows that the server was asked about."""
        cells = [[_cell(row, field.name) for row in self._rows] for field in signature.inputs]
        return [make_column(field.column_type, own) for field, own in zip(signature.inputs, cells, strict=True)]

    def contributions(self, name: str) -> dict[str, list[float]]:
        """Return what the server said: column, or column.level, or BiasTerm -> its part of each row; {}: nothing."""
        return self._contributions.get(name, {})


def grow(folder: Path) -> Specimens:
    """Train every model on a server of its own, and ask it for contributions."""
    rows, frame = h2o_server.asked("shift")
    found = {}
    for name, (estimator, target, parameters) in SPECIMENS.items():
        also = {key: parameters[key] for key in ("offset_column",) if key in parameters}
        rest = {key: value for key, value in parameters.items() if key not in also}
        model = h2o_server.fit(estimator, target, also=also, **rest)
        h2o_server.export(folder, model)
        (folder / "model.zip").rename(folder / f"{name}.zip")
        if estimator != _GLM:
            cells = csv.reader(io.StringIO(model.predict_contributions(frame).get_frame_data()))
            header = next(cells)
            found[name] = dict(zip(header, zip(*(map(float, line) for line in cells), strict=True), strict=True))
    (folder / _EXPECTED).write_text(json.dumps({"rows": rows, "contributions": found}, indent=None) + "\n")
    return Specimens(folder)


def _cell(row: dict[str, Any], name: str) -> Any:
    column, _, level = name.partition(".")
    if level:  # of a model that was trained on one column for each level
        return float((row[column] or "missing(NA)") == level)
    return float("nan") if row[column] is None else row[column]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    grow(FOLDER)
