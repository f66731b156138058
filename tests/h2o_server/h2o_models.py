"""Small models that H2O itself trains and saves, with H2O's own predictions."""

import importlib.util
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.h2o_server.java_server import USER, start_java
from gateway.h2o_server.rest_client import H2oError, RestClient

ROWS = 1_000
FEATURES = ["age", "size", "colour", "code"]
COLOURS = ["red", "green, light", 'q"uote', "it's", "é", "1e5", "True", "", " blank "]
#: Name -> class of h2o.estimators, its options, and the column that it predicts.
MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "binomial": ("H2OGradientBoostingEstimator", {"ntrees": 10, "seed": 1}, "bought"),
    "regression": ("H2ORandomForestEstimator", {"ntrees": 10, "seed": 1}, "value"),
    "linear": ("H2OGeneralizedLinearEstimator", {"family": "binomial", "seed": 1}, "bought"),
    "deep": ("H2ODeepLearningEstimator", {"hidden": [5], "epochs": 2, "reproducible": True, "seed": 1}, "colour"),
    "first": ("H2OGradientBoostingEstimator", {"ntrees": 3, "seed": 2, "model_id": "ours"}, "value"),
    "second": ("H2OGradientBoostingEstimator", {"ntrees": 8, "seed": 3, "model_id": "ours"}, "value"),
}


def server_jar() -> Path:
    """Return the jar of the installed package; skips where there is none."""
    spec = importlib.util.find_spec("h2o")
    if spec is None or spec.origin is None:
        pytest.skip("H2O is not installed")
    return Path(spec.origin).parent / "backend" / "bin" / "h2o.jar"


def make_table() -> dict[str, list[Any]]:
    """Return columns of rows, some values missing."""
    rng = np.random.default_rng(5)
    age = [None if i % 13 == 0 else round(float(value), 3) for i, value in enumerate(rng.normal(40, 10, ROWS))]
    size = [int(value) for value in rng.integers(0, 9, ROWS)]
    colour = [None if i % 17 == 0 else COLOURS[value] for i, value in enumerate(rng.integers(0, len(COLOURS), ROWS))]
    code = [str(value) for value in rng.integers(1, 4, ROWS)]
    score = [
        (years or 30) + 8 * (name == "red") + noise
        for years, name, noise in zip(age, colour, rng.normal(0, 6, ROWS).tolist(), strict=True)
    ]
    return {
        "age": age,
        "size": size,
        "colour": colour,
        "code": code,
        "bought": ["yes" if one > 42 else "no" for one in score],
        "value": [round(1.5 * one + years, 4) for one, years in zip(size, score, strict=True)],
    }


def train(table: dict[str, list[Any]], scratch: Path) -> dict[str, tuple[Path, Any]]:
    """Train with H2O's own client; return the binary model of each and H2O's own predictions."""
    java = start_java(server_jar(), 2**30, scratch)
    import h2o
    from h2o import estimators

    try:
        wait_for(RestClient(java.port, java.password))
        h2o.connect(url=f"http://127.0.0.1:{java.port}", auth=(USER, java.password), verbose=False)
        kinds = {"age": "numeric", "size": "numeric", "value": "numeric"} | dict.fromkeys(
            ("colour", "code", "bought"), "enum"
        )
        rows = scratch / "rows.csv"
        rows.write_text("\n".join(",".join(map(cell, one)) for one in zip(*table.values(), strict=True)) + "\n")
        frame = h2o.upload_file(str(rows), header=-1, col_names=list(table), col_types=kinds)
        found = {}
        for name, (estimator, options, target) in MODELS.items():
            model = getattr(estimators, estimator)(**options)
            model.train(x=[one for one in FEATURES if one != target], y=target, training_frame=frame)
            path = Path(h2o.download_model(model, path=str(scratch), filename=name))
            own = [row for row in model.predict(frame).as_data_frame(use_pandas=False) if row]
            found[name] = path, own
        return found
    finally:
        with suppress(Exception):
            h2o.connection().close()
        java.end()


def cell(value: Any) -> str:
    """Write a value as H2O reads it: a text in quotes, what is missing as nothing."""
    if isinstance(value, str):
        return '"{}"'.format(value.replace('"', '""'))
    return "" if value is None else repr(value)


def wait_for(client: RestClient) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError, H2oError):
            client.version()
            return
        time.sleep(0.2)
    raise AssertionError("the H2O server did not start")
