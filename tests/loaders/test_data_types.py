"""True and False, whole numbers and fractions reach a model as its training frame meant them, or are refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.linear_model import LinearRegression

from gateway.codecs.v2 import decode
from gateway.codecs.v2_specs import input_specs
from gateway.codecs.v2_tables import table_of
from gateway.errors import InputError, RegistryError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.dummies import with_dummies
from gateway.registry.contract import make_contract
from gateway.registry.merge import merge_signature
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RouteSpec
from gateway.rest.describe.schemas import field_schema
from gateway.schema import Batch, Field, Predictor

RAW = pd.DataFrame({"area": [30, 45, 80, 120, 60, 95], "side": ["east", "west", "east", "north", "north", "west"]})
PRICES = [90, 120, 240, 300, 160, 250]


class Served:
    """One route without HTTP: its contract, and its predictor."""

    def __init__(self, predictor: Predictor, **keys: Any) -> None:
        spec = RouteSpec(path="/x", name="x", artifact="a", loader="b", **keys)
        self.predictor = predictor
        self.signature = merge_signature(predictor.signature, spec)
        self.contract = make_contract(self.signature, spec, ServerSpec())

    def json(self, body: str) -> Any:
        """Answer a JSON body."""
        return self._answer(self.contract.validate(self.contract.codec.decode(body.encode())))

    def table(self, text: str) -> Any:
        """Answer a CSV table."""
        rows = [line.split(",") for line in text.strip().split("\n")]
        columns = [list(column) for column in zip(*rows[1:], strict=True)]
        return self._answer(self.contract.validator.columns(rows[0], columns))

    def tensors(self, body: str) -> Any:
        """Answer a V2 request."""
        return self._answer(self.contract.validator.columns(*table_of(decode(body.encode()), self.signature)))

    def _answer(self, batch: Batch) -> Any:
        return self.predictor.predict(batch.columns).values


def trained(kind: str, folder: Path, frame: pd.DataFrame, target: Any) -> tuple[Any, Predictor]:
    """Return a fitted model, and what its loader makes of its file."""
    if kind == "sklearn":
        model: Any = LinearRegression().fit(frame, target)
        skops.io.dump(model, folder / "m.skops")
        return model, get_loader(kind).load(folder / "m.skops", LoadOptions())
    model = xgboost.XGBRegressor(n_estimators=5, max_depth=2).fit(frame, target)
    model.save_model(folder / "m.ubj")
    return model, get_loader(kind).load(folder / "m.ubj", LoadOptions())


@pytest.mark.parametrize("kind", ["sklearn", "xgboost"])
@pytest.mark.parametrize("dtype", [bool, int])
def test_true_and_false_of_dummies_are_one_and_zero(tmp_path: Path, kind: str, dtype: type) -> None:
    """What `get_dummies` writes as CSV or JSON answers as the framework on the frame itself, as booleans or numbers."""
    frame = pd.get_dummies(RAW)
    model, predictor = trained(kind, tmp_path, pd.get_dummies(RAW, dtype=dtype), PRICES)
    served = Served(predictor)
    want = pytest.approx(model.predict(pd.get_dummies(RAW, dtype=dtype)), rel=1e-6)
    for sent in (frame, frame.astype(int)):
        assert served.json(sent.to_json(orient="records")) == want
        assert served.table(sent.to_csv(index=False)) == want
    tensors = [
        {"name": name, "shape": [6], "datatype": "BOOL" if name != "area" else "INT64", "data": frame[name].tolist()}
        for name in frame
    ]
    assert served.tensors(json.dumps({"inputs": tensors})) == want


def test_a_number_that_is_no_dummy_refuses_true_and_names_the_key_that_admits_it(tmp_path: Path) -> None:
    """The fix of the fault works when done: true is then 1, and so is the number 1."""
    frame = pd.DataFrame({"area": [1.0, 2, 3, 4], "garden": [True, False, True, False]})
    model, predictor = trained("sklearn", tmp_path, frame, [3, 2, 5, 4])
    body = '[{"area": 3, "garden": true}, {"area": 3, "garden": 0}]'
    with pytest.raises(InputError) as caught:
        Served(predictor).json(body)
    assert "inputs: {'garden': {type: boolean}}" in str(caught.value.faults[0].hint)
    told = Served(predictor, inputs={"garden": {"type": "boolean"}})
    want = model.predict(pd.DataFrame({"area": [3, 3], "garden": [True, False]}))
    assert told.json(body) == pytest.approx(want)
    assert told.table("area,garden\n3,True\n3,false") == pytest.approx(want)
    with pytest.raises(InputError, match=r"0\.5 is not true or false"):
        told.json('{"area": 3, "garden": 0.5}')


def test_a_missing_boolean_is_missing(tmp_path: Path) -> None:
    """XGBoost takes a gap in a column of booleans; it reaches the booster as one."""
    model, predictor = trained("xgboost", tmp_path, pd.get_dummies(RAW), PRICES)
    frame = pd.get_dummies(RAW).astype(float)
    frame.loc[0, "side_east"] = np.nan
    body = '{"area": 30, "side_east": null, "side_north": false, "side_west": false}'
    assert Served(predictor).json(body) == pytest.approx(model.predict(frame.head(1)))


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        ("area side_east side_west", "side_east side_west"),
        ("median_income smoker_yes", "smoker_yes"),
        ("Age Sex_male Embarked_Q Embarked_S", "Sex_male Embarked_Q Embarked_S"),
        ("age größe=klein größe=groß", "größe=klein größe=groß"),
        ("total_rooms total_beds age", ""),
        ("longitude median_income", ""),
        ("a_ _b a", ""),
    ],
)
def test_dummies_are_known_by_their_names(names: str, taken: str) -> None:
    """They stand at the end and share a prefix, or name one of two levels; other numbers do not."""
    fields = with_dummies([Field(name=name) for name in names.split()])
    assert [field.name for field in fields if field.booleans_as_numbers] == taken.split()


def test_a_training_column_of_whole_numbers_takes_fractions(tmp_path: Path) -> None:
    """XGBoost answers 300.5 in a column of integers, so the route does; `type: integer` refuses it."""
    draw = np.random.default_rng(4)
    frame = pd.DataFrame({"flow": draw.integers(100, 900, 60), "temp": draw.normal(15, 5, 60)})
    model, predictor = trained("xgboost", tmp_path, frame, frame["flow"] * 0.1 + frame["temp"])
    row = '{"flow": 300.5, "temp": 13.6}'
    assert Served(predictor).json(row) == pytest.approx(model.predict(pd.DataFrame({"flow": [300.5], "temp": [13.6]})))
    assert [spec.datatype for spec in input_specs(predictor.signature)] == ["FP64", "FP64"]
    whole = Served(predictor, inputs={"flow": {"type": "integer"}})
    with pytest.raises(InputError, match=r"300\.5 is not a whole number"):
        whole.json(row)


def test_a_tensor_of_whole_numbers_takes_no_fraction(tmp_path: Path) -> None:
    """ONNX Runtime would cut 300.5 to 300: the fault says so, no registry admits it, and 300.0 is a whole number."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    node = [helper.make_node("Cast", ["flow"], ["y"], to=TensorProto.FLOAT)]
    flow = helper.make_tensor_value_info("flow", TensorProto.INT32, [None, 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph(node, "g", [flow], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "m.onnx")
    predictor = get_loader("onnx").load(tmp_path / "m.onnx", LoadOptions())
    served = Served(predictor)
    assert served.json('{"flow": 300.0}').tolist() == [300.0]
    with pytest.raises(InputError, match="not a whole number") as caught:
        served.json('{"flow": 300.5}')
    assert "would cut a fraction off" in str(caught.value.faults[0].hint)
    with pytest.raises(InputError, match="above the maximum 2147483647"):
        served.json('{"flow": 3000000000}')
    with pytest.raises(RegistryError, match="type number, but the artifact takes integer"):
        Served(predictor, inputs={"flow": {"type": "number"}})
    assert Served(predictor, inputs={"flow": {"type": "boolean"}}).json('{"flow": true}').tolist() == [1.0]


def test_the_schema_says_what_is_taken() -> None:
    """Both types stand in it, so that a generated client sends what is read."""
    number = Field(name="side_east", booleans_as_numbers=True)
    assert field_schema(number)["type"] == ["number", "boolean"]
    boolean = Field(name="b", type="boolean", nullable=True, booleans_as_numbers=True)
    assert field_schema(boolean) == {"type": ["boolean", "number", "null"], "enum": [True, False, 1, 0, None]}
