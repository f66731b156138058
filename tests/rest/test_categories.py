"""Categories by name over real HTTP: four libraries, four ways to ask, each answer that of the library on a data frame."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

import serving
from serving import Gateway

CITIES = ("Aachen", "Köln", "München", "東京")
ROWS = 200
_DRAW = np.random.default_rng(17)
FRAME = pd.DataFrame(
    {
        "Straße": pd.Categorical(_DRAW.choice(CITIES, ROWS), categories=CITIES),
        "größe m2": _DRAW.normal(size=ROWS).round(3),
        "rooms": pd.Categorical(_DRAW.integers(1, 5, ROWS)),
    }
)
FRAME.loc[::9, "Straße"] = np.nan
VALUE = FRAME["Straße"].cat.codes * 2.0 + FRAME["größe m2"] + FRAME.rooms.astype(int)
#: Every level, a missing one, and one that training never saw.
ASKED = pd.DataFrame(
    {
        "Straße": [*CITIES, None, "Ürümqi"],
        "größe m2": [0.5, -1.25, 0.0, 2.5, 0.1, -0.3],
        "rooms": [1, 2, 3, 4, 1, 2],
    }
)
LIBRARIES = ("lightgbm", "xgboost", "sklearn", "catboost")


def typed() -> pd.DataFrame:
    """Return the rows that are asked with the categories of training, as the libraries want them."""
    kinds = {name: FRAME[name].dtype for name in ("Straße", "rooms")}
    return ASKED.replace({"Ürümqi": None}).astype(kinds)


def trained(folder: Path) -> dict[str, Any]:
    """Train and save one model per library; return what each answers itself."""
    options = {"num_threads": 1, "verbose": -1, "min_data_per_group": 5, "min_data_in_leaf": 5}
    booster = lightgbm.train(options, lightgbm.Dataset(FRAME, VALUE), 20)
    booster.save_model(folder / "lightgbm.txt")
    theirs = xgboost.XGBRegressor(n_estimators=20, enable_categorical=True, n_jobs=1).fit(FRAME, VALUE)
    theirs.save_model(folder / "xgboost.ubj")
    hist = HistGradientBoostingRegressor(max_iter=20, categorical_features="from_dtype").fit(FRAME, VALUE)
    skops.io.dump(hist, folder / "sklearn.skops")
    told = {"lightgbm": booster.predict(typed()), "xgboost": theirs.predict(typed()), "sklearn": hist.predict(typed())}
    try:
        catboost = importlib.import_module("catboost")
    except ModuleNotFoundError:
        return told
    text = [frame.astype({"Straße": object, "rooms": str}).fillna({"Straße": "none"}) for frame in (FRAME, ASKED)]
    named = ["Straße", "rooms"]
    cat = catboost.CatBoostRegressor(20, cat_features=named, verbose=0, allow_writing_files=False, thread_count=1)
    cat.fit(text[0], VALUE).save_model(folder / "catboost.cbm")
    return {**told, "catboost": cat.predict(text[1])}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the models, and the libraries' own answers."""
    folder = tmp_path_factory.mktemp("categories")
    return folder, trained(folder)


@pytest.fixture(scope="module")
def served(told: tuple[Path, dict[str, Any]], cache: Path) -> Iterator[Gateway]:
    """Serve what was trained; a level that training never saw counts as missing, as in the libraries."""
    folder, answers = told
    routes = {}
    for path in folder.iterdir():
        levels: dict[str, dict[str, Any]] = (
            {"Straße": {"unknown": "missing"}} if path.stem in answers and path.stem != "catboost" else {}
        )
        if path.stem == "xgboost":
            levels["Straße"] |= {"enum": list(CITIES)}
        routes[f"/{path.stem}"] = {"artifact": str(path), **({"inputs": levels} if levels else {})}
    registry = json.dumps({"version": 1, "routes": routes}, ensure_ascii=False)
    with serving.running(folder, cache, registry, workers=1) as server:
        yield server


def rows_of(library: str) -> list[dict[str, Any]]:
    """Return the rows as a client writes them; CatBoost has no missing category, only texts."""
    rows: list[dict[str, Any]] = json.loads(ASKED.to_json(orient="records"))
    if library == "catboost":
        return [{**row, "Straße": row["Straße"] or "none", "rooms": str(row["rooms"])} for row in rows]
    return rows


def native(row: dict[str, Any], library: str) -> dict[str, Any]:
    """Return a row under the names of the file: LightGBM writes spaces as underscores."""
    return {name.replace(" ", "_") if library == "lightgbm" else name: value for name, value in row.items()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_name_is_answered_as_on_a_data_frame(
    library: str, told: tuple[Path, dict[str, Any]], served: Gateway
) -> None:
    """Alone, in a batch, as V2 tensors and as MLflow's records: known, missing, unknown and non-ASCII levels."""
    if library not in told[1]:
        pytest.skip(f"{library} is not installed here")
    expected, rows = np.asarray(told[1][library], dtype=float), rows_of(library)
    alone = [served.post(f"/{library}", row) for row in rows]
    assert [answer.status for answer in alone] == [200] * len(rows), [answer.body for answer in alone]
    assert np.allclose([answer.json["prediction"] for answer in alone], expected, rtol=1e-6)
    batch = served.post(f"/{library}", {"instances": rows})
    assert np.allclose(
        [one["prediction"] if isinstance(one, dict) else one for one in batch.json["predictions"]], expected, rtol=1e-6
    )
    records = served.post(f"/{library}/invocations", {"dataframe_records": [native(row, library) for row in rows]})
    assert np.allclose(records.json["predictions"], expected, rtol=1e-6), records.body
    metadata = served.get(f"/v2/models/{library}").json
    tensors = [
        {
            "name": one["name"],
            "datatype": one["datatype"],
            "shape": [1],
            "data": [native(rows[0], library)[one["name"]]],
        }
        for one in metadata["inputs"]
    ]
    answer = served.post(f"/v2/models/{library}/infer", {"inputs": tensors})
    assert answer.status == 200, answer.body
    assert np.allclose(answer.json["outputs"][0]["data"], expected[:1], rtol=1e-6)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "sklearn"])
def test_levels_are_listed_and_held(library: str, served: Gateway) -> None:
    """The document lists the levels; what is none is refused where the registry says nothing else."""
    document = json.dumps(served.get("/openapi.json").json, ensure_ascii=False)
    assert json.dumps(list(CITIES), ensure_ascii=False) in document
    answer = served.post(f"/{library}", {**rows_of(library)[0], "rooms": 9})
    assert answer.status == 400
    assert answer.json["errors"][0]["expected"] == [1, 2, 3, 4]
