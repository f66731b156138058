"""A field of the registry stands for the columns of `pandas.get_dummies`; the answers are those of the dummies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from gateway.errors import RegistryError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.one_hot import OneHot, OneHotPredictor
from gateway.registry.load_options import load_options
from gateway.registry.merge import merge_signature
from gateway.registry.spec import RouteSpec

from . import bundled

TABLE = pd.DataFrame(
    {
        "area": [400.0, 900.0, 1200.0, 650.0, 800.0, 1500.0],
        "location": ["Köln Süd", "1st Block", "other", "Köln Süd", "other", "1st Block"],
        "floor": [0, 1, 2, 2, 1, 0],
    }
)
PRICES = [1.0, 3.0, 4.0, 2.0, 2.5, 5.0]


def served(
    folder: Path, dummies: pd.DataFrame, groups: Mapping[str, OneHot]
) -> tuple[OneHotPredictor, LinearRegression]:
    """Train on dummies; return the predictor of a file with the model, and the model."""
    model = LinearRegression().fit(dummies, PRICES)
    skops.io.dump(model, folder / "model.skops")
    return OneHotPredictor(get_loader("sklearn").load(folder / "model.skops", LoadOptions()), groups), model


def rows() -> list[Mapping[str, Any]]:
    """Return the rows of training as requests have them: levels are texts, whole numbers may come as either."""
    return [{**row, "floor": str(row["floor"])} for row in TABLE.to_dict("records")]


@pytest.mark.parametrize("kind", [bool, int, float])
def test_one_field_answers_as_its_dummies(kind: type, tmp_path: Path) -> None:
    """Dummies of any type, of texts and of numbers, of letters and spaces: the field has a level for each."""
    dummies = pd.get_dummies(TABLE, columns=["location", "floor"], dtype=kind)
    found, model = served(tmp_path, dummies, {"location": OneHot("location_*"), "floor": OneHot("floor_*")})
    assert np.array_equal(bundled.ask(found, rows()), model.predict(dummies))
    location, floor = found.signature.inputs[1:]
    assert location.enum == ("1st Block", "Köln Süd", "other")
    assert (floor.enum, floor.takes_integers) == (("0", "1", "2"), True)


def test_the_dropped_level_is_named(tmp_path: Path) -> None:
    """The first level of `drop_first` has no column: `base` says it, and a request may send it."""
    dummies = pd.get_dummies(TABLE, columns=["location", "floor"], drop_first=True)
    groups = {"location": OneHot("location_*", "1st Block"), "floor": OneHot("floor_*", "0")}
    found, model = served(tmp_path, dummies, groups)
    assert np.array_equal(bundled.ask(found, rows()), model.predict(dummies))
    assert found.signature.inputs[1].enum == ("1st Block", "Köln Süd", "other")


def test_a_missing_value_is_no_level(tmp_path: Path) -> None:
    """As get_dummies does it: none of the columns is 1."""
    dummies = pd.get_dummies(TABLE.drop(columns="floor"), columns=["location"])
    found, model = served(tmp_path, dummies, {"location": OneHot("location_*")})
    nothing = dummies.iloc[:1].assign(**dict.fromkeys(dummies.columns[1:], False))
    assert np.array_equal(bundled.ask(found, [{"area": 400.0, "location": np.nan}]), model.predict(nothing))


def test_the_registry_describes_the_field(tmp_path: Path) -> None:
    """Keywords beside `dummies` are merged as those of any field."""
    inputs = {"location": {"dummies": "location_*", "base": 1, "description": "part of the town"}}
    spec = RouteSpec(path="/x", name="x", artifact="model.skops", loader="sklearn", inputs=inputs)
    groups = load_options(spec, None, tmp_path).one_hot
    assert groups == {"location": OneHot("location_*", "1")}
    found, _ = served(tmp_path, pd.get_dummies(TABLE, columns=["location"]), groups)
    assert merge_signature(found.signature, spec).inputs[2].description == "part of the town"


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ({"city": OneHot("city_*")}, "no column of the artifact is like 'city_*'"),
        ({"location": OneHot("location_*", "other")}, "the level 'other' has a column"),
        ({"location": OneHot("location_*"), "where": OneHot("loc*")}, "is also one of the dummies of"),
        ({"area": OneHot("location_*")}, "the artifact has a column 'area' as well"),
    ],
)
def test_columns_that_contradict_the_pattern_are_named(groups: dict[str, OneHot], text: str, tmp_path: Path) -> None:
    """A pattern without columns, a base with one, a column of two fields: each is refused by name."""
    with pytest.raises(RegistryError) as caught:
        served(tmp_path, pd.get_dummies(TABLE, columns=["location"]), groups)
    assert text in caught.value.message
    assert caught.value.hint


def test_columns_without_names_are_no_dummies(tmp_path: Path) -> None:
    """Which column is which level cannot be told: the fix says how to save the names."""
    skops.io.dump(LinearRegression().fit([[1.0, 0.0], [0.0, 1.0]], [1.0, 2.0]), tmp_path / "model.skops")
    original = get_loader("sklearn").load(tmp_path / "model.skops", LoadOptions())
    with pytest.raises(RegistryError, match="have no names"):
        OneHotPredictor(original, {"location": OneHot("location_*")})
