"""What MLflow's own server answers for an artifact is what /invocations answers; where it is not computed, a refusal."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import xgboost
import yaml
from sklearn.linear_model import LinearRegression

import extras
import serving
from serving import ROOT, Gateway

ROWS = [[0.2, -0.3], [0.6, 0.1]]
NAMES = ["a", "b"]
BODY = {"dataframe_split": {"columns": NAMES, "data": ROWS}}
#: What `mlflow.pyfunc.load_model(...).predict` and its scoring server (3.17.2, XGBoost 3.2.0, scikit-learn 1.9.1)
#: answered to ROWS for the models that `train` makes.
TOLD: dict[str, Any] = {
    "raw": [0.7180076837539673, 0.85331130027771],
    "classifier": [1, 1],
    "softprob": [
        [0.2741471230983734, 0.4729934632778168, 0.2528594732284546],
        [0.2411014586687088, 0.41597890853881836, 0.34291961789131165],
    ],
    "softmax": [1.0, 1.0],
    "poisson": [1.0221140384674072, 1.0221140384674072],
    "two": [[-0.09945966303348541, -0.19891932606697083], [0.38563957810401917, 0.7712791562080383]],
    "two_labels": [[0.6212109923362732, 0.0954858809709549], [0.7893317937850952, 0.19149762392044067]],
    "hinge": [1.0, 1.0],
    "linear_two": [[-0.1, -0.2], [0.7, 1.4]],
}
#: One of each form of an answer: a probability, a list of them, one for each label, a label, a list of numbers.
FORMS_OF_ANSWERS = ("raw", "softprob", "two_labels", "hinge", "linear_two")
#: What the routes answer themselves, as ever.
OWN: dict[str, Any] = {"raw": [1, 1], "classifier": [1, 1], "softprob": [1, 1], "two_labels": [{"y0": 1, "y1": 0}] * 2}


def boosters(folder: Path) -> None:
    """Train raw boosters of several objectives."""
    rows = np.random.default_rng(0).normal(size=(200, 2)).round(2)
    total = rows.sum(axis=1)
    three = np.digitize(total, [-0.5, 0.5])
    tasks: dict[str, tuple[dict[str, Any], Any, int]] = {
        "raw": ({"objective": "binary:logistic"}, (total > 0).astype(int), 5),
        "softprob": ({"objective": "multi:softprob", "num_class": 3}, three, 3),
        "softmax": ({"objective": "multi:softmax", "num_class": 3}, three, 3),
        "poisson": ({"objective": "count:poisson"}, np.abs(total).round(), 3),
        "two": ({"objective": "reg:squarederror"}, np.c_[total, 2 * total], 3),
        "two_labels": ({"objective": "binary:logistic"}, np.c_[total > 0, total > 1].astype(int), 3),
        "hinge": ({"objective": "binary:hinge"}, (total > 0).astype(int), 3),
    }
    for name, (parameters, target, rounds) in tasks.items():
        data = xgboost.DMatrix(rows, target, feature_names=NAMES)
        xgboost.train({"max_depth": 2, **parameters}, data, rounds).save_model(folder / f"{name}.ubj")
    data = xgboost.DMatrix(rows, (total > 0).astype(int), feature_names=NAMES)
    early = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 5)
    early.set_attr(best_iteration="2", best_score="0.5")
    early.save_model(folder / "early.ubj")
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=2).fit(rows, (total > 0).astype(int))
    model.get_booster().feature_names = NAMES
    model.save_model(folder / "classifier.ubj")
    skops.io.dump(LinearRegression().fit(rows, np.c_[total, 2 * total]), folder / "linear_two.skops")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(FORMS_OF_ANSWERS, id="each-form"),
        pytest.param(tuple(TOLD.keys() - FORMS_OF_ANSWERS), id="others", marks=pytest.mark.slow),
    ],
)
def several(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Iterator[tuple[Gateway, tuple[str, ...]]]:
    """Serve some of them and the one that stopped early, each under its name, one of them compiled."""
    folder = tmp_path_factory.mktemp("flavours")
    boosters(folder)
    paths = sorted(path for path in folder.iterdir() if path.stem in (*request.param, "early"))
    compiled = {True: "auto", False: "off"}
    lines = [f"  /{path.stem}: {{artifact: {path}, compile: {compiled[path.stem == 'raw']}}}" for path in paths]
    with serving.running(folder, cache, "version: 1\nroutes:\n" + "\n".join(lines) + "\n", workers=1) as server:
        yield server, request.param


@pytest.mark.slow
def test_answers_are_those_of_mlflows_own_server(several: tuple[Gateway, tuple[str, ...]]) -> None:
    """Frames, bare rows and CSV: probabilities of a raw booster, labels of a classifier, lists of several outputs."""
    table = "\n".join([",".join(NAMES), *(",".join(map(str, row)) for row in ROWS)]).encode()
    served, names = several
    for name in names:
        expected = TOLD[name]
        path = f"/{name}/invocations"
        body = {"inputs": ROWS} if name == "linear_two" else BODY
        answers = [served.post(path, body), served.post(path, {"instances": ROWS})]
        if name != "linear_two":  # it was fitted without names
            answers.append(served.request("POST", path, table, {"Content-Type": "text/csv"}))
        for answer in answers:
            assert answer.status == 200, (name, answer.json)
            np.testing.assert_allclose(answer.json["predictions"], expected, rtol=0, atol=1e-6, err_msg=name)
    for name in OWN.keys() & set(names):
        own = served.post(f"/{name}", [dict(zip(NAMES, row, strict=True)) for row in ROWS])
        assert [one["prediction"] for one in own.json["predictions"]] == OWN[name]


@pytest.mark.slow
def test_a_booster_that_stopped_early_is_refused_and_the_fix_works(
    several: tuple[Gateway, tuple[str, ...]],
) -> None:
    """Booster.predict takes all rounds, the route the best ones: refused there by name, until only those are kept."""
    served, _ = several
    answer = served.post("/early/invocations", BODY)
    assert (answer.status, answer.json["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "all 5 rounds, this route the best 3" in answer.json["message"]
    path = served.registry.parent / "early.ubj"
    cut = xgboost.Booster(model_file=path)[:3]
    cut.save_model(path)
    assert served.command("reload").returncode == 0
    expected = cut.predict(xgboost.DMatrix(ROWS, feature_names=NAMES))
    # A reload is committed before every worker has adopted it.
    serving.until(lambda: served.health()["same_generation"] and served.post("/early/invocations", BODY).status == 200)
    answer = served.post("/early/invocations", BODY)
    np.testing.assert_allclose(answer.json["predictions"], expected, atol=1e-6)
    assert served.post("/early", dict(zip(NAMES, ROWS[0], strict=True))).json["prediction"] == 1


#: What MLflow's server answered for the models of rest/flavours.py (rest/clients/mlflow_flavours.py); null: it failed.
RECORDED = json.loads((ROOT / "tests" / "rest" / "recorded_flavours.json").read_text(encoding="utf-8"))


#: What MLflow writes as `signature` for a data frame, for an array, and for declared params.
COLUMNS = json.dumps([{"type": "double", "name": name, "required": True} for name in NAMES])
TENSOR = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}])


def params(*, output_margin: bool) -> str:
    """Return declared params: one that XGBoost takes, two that it does not."""
    found = [
        {"name": "output_margin", "default": output_margin, "shape": None, "type": "boolean"},
        {"name": "zz", "default": 1.5, "shape": None, "type": "double"},
        {"name": "words", "default": ["a"], "shape": [-1], "type": "string"},
    ]
    return json.dumps(found)


def folders(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write folders as MLflow 3.17.2 does: an ONNX graph with either kind of signature, a booster that takes params."""
    booster = folder / "booster.ubj"
    frame = np.random.default_rng(0).normal(size=(50, 2))
    data = xgboost.DMatrix(frame, (frame.sum(axis=1) > 0).astype(int), feature_names=NAMES)
    xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 2).save_model(booster)
    for name, flavour, file, signature in (
        ("onnx_of_frames", "onnx", folder / "onnx_map.onnx", {"inputs": COLUMNS}),
        ("onnx_of_arrays", "onnx", folder / "onnx_map.onnx", {"inputs": TENSOR}),
        ("taking", "xgboost", booster, {"inputs": COLUMNS, "params": params(output_margin=False)}),
        ("giving", "xgboost", booster, {"inputs": COLUMNS, "params": params(output_margin=True)}),
    ):
        path = folder / name
        path.mkdir()
        (path / file.name).write_bytes(file.read_bytes())
        keys = {"data": file.name, "model_class": "xgboost.core.Booster"}
        pyfunc = {"loader_module": f"mlflow.{flavour}"}
        told = {"flavors": {"python_function": pyfunc, flavour: keys}, "signature": signature}
        (path / "MLmodel").write_text(yaml.safe_dump(told))
        yield name, path


@pytest.fixture(scope="module")
def flavours(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve a model of each flavour."""
    folder = tmp_path_factory.mktemp("each")
    found = importlib.import_module("rest.flavours").train(folder)
    paths = {name: path for name, (_, _, path) in found.items()} | dict(folders(folder))
    lines = [f"  /{name}: {{artifact: {path}, compile: off}}" for name, path in paths.items()]
    with serving.running(folder, cache, "version: 1\nroutes:\n" + "\n".join(lines) + "\n", workers=1) as server:
        yield server


@extras.needs("catboost", "lightgbm", "skl2onnx", "onnxruntime")
@pytest.mark.parametrize("name", RECORDED)
def test_each_flavour_answers_in_each_form_as_recorded(name: str, flavours: Gateway) -> None:
    """Frames, records, tensors and CSV: shape, names, types and numbers of the answer are those of MLflow's server."""
    forms = importlib.import_module("rest.flavours").FORMS
    for form, expected in RECORDED[name].items():
        body = forms[form]
        if isinstance(body, str):
            answer = flavours.request("POST", f"/{name}/invocations", body.encode(), {"Content-Type": "text/csv"})
        else:
            answer = flavours.post(f"/{name}/invocations", body)
        assert answer.status == 200, (form, answer.json)
        if expected is not None:
            assert_alike(answer.json["predictions"], expected)
        told = answer.headers.get("x-params-ignored")
        assert told == ("2, output_margin, %C3%BCnknown" if form == "params" else None)


def test_what_mlflow_itself_cannot_answer_row_by_row_is_a_list_in_each_record(flavours: Gateway) -> None:
    """An ONNX table of probabilities, for which MLflow's server fails where the request is a data frame."""
    rows = flavours.post("/onnx_list/invocations", {"dataframe_split": {"columns": NAMES, "data": ROWS}})
    by_name = flavours.post("/onnx_list/invocations", {"inputs": ROWS}).json["predictions"]
    assert rows.json["predictions"] == [
        dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)
    ]


def test_names_of_a_frame_are_positions_only_where_the_model_knows_none(flavours: Gateway) -> None:
    """The names that the route shows hold in any order; a frame with some of them, or fewer columns, is refused."""
    path, (first, second) = "/onnx_number/invocations", ROWS[0]
    expected = flavours.post(path, {"dataframe_records": [{"any": first, "name": second}]}).json
    turned = {"dataframe_split": {"columns": ["x1", "x0"], "data": [[second, first]]}}
    assert flavours.post(path, turned).json == expected
    for columns in (["x0", "b"], ["a"], ["a", "b", "c"]):
        frame = {"columns": columns, "data": [[0.5] * len(columns)]}
        assert flavours.post(path, {"dataframe_split": frame}).status == 400, columns
    mixed = [{"a": first, "b": second}, {"b": second, "a": first}]
    assert flavours.post(path, {"dataframe_records": mixed}).status == 400
    wrong = {"dataframe_records": [{"a": first, "b": "x"}]}
    assert "$.dataframe_records[0].b" in flavours.post(path, wrong).json["message"]
    named = {"dataframe_split": {"columns": ["c", "d"], "data": [[first, second]]}}
    assert flavours.post("/column/invocations", named).status == 400


def test_the_signature_of_a_folder_says_whether_a_graph_answers_frames_or_arrays(flavours: Gateway) -> None:
    """MLflow makes a frame of what has columns and an array of a tensor: so is the answer, in whatever form it was sent."""
    by_row, by_name = (RECORDED["onnx_map"][form] for form in ("split", "inputs"))
    frame = {"dataframe_split": {"columns": NAMES, "data": ROWS[:2]}}
    for name, expected in (("onnx_of_frames", by_row[:2]), ("onnx_of_arrays", {k: v[:2] for k, v in by_name.items()})):
        for body in (frame, {"inputs": ROWS[:2]}):
            assert_alike(flavours.post(f"/{name}/invocations", body).json["predictions"], expected)


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        (None, 200, ""),
        ({"output_margin": False, "zz": 3, "words": ["b"]}, 200, ""),
        ({"output_margin": None, "zz": None, "strange": "x"}, 200, ""),
        ({"output_margin": True}, 501, 'send "params": {"output_margin": false}'),
        ({"output_margin": 1}, 400, "$.params.output_margin"),
        ({"zz": "3"}, 400, "$.params.zz"),
        ({"zz": True}, 400, "$.params.zz"),
        ({"words": "a"}, 400, "$.params.words"),
        ({"words": [1]}, 400, "$.params.words"),
        ([1], 400, "$.params"),
    ],
)
def test_declared_params_are_checked_and_what_would_change_the_answer_is_refused(
    params: Any, status: int, told: str, flavours: Gateway
) -> None:
    """MLflow 3.17.2 took and refused the same; where it would answer margins, here is a refusal whose fix works."""
    frame = {"dataframe_split": {"columns": NAMES, "data": ROWS}}
    plain = flavours.post("/taking/invocations", frame).json["predictions"]
    answer = flavours.post("/taking/invocations", frame | ({} if params is None else {"params": params}))
    assert (answer.status, told in answer.body.decode().replace("\\", "")) == (status, True)
    if status == 200:
        assert answer.json["predictions"] == plain
    by_default = flavours.post("/giving/invocations", frame)
    assert (by_default.status, "output_margin=True" in by_default.json["message"]) == (501, True)
    mended = flavours.post("/giving/invocations", frame | {"params": {"output_margin": False}})
    assert mended.json["predictions"] == plain


def assert_alike(found: Any, expected: Any) -> None:
    """Compare JSON: numbers within float32, everything else exactly, whole numbers and fractions apart."""
    assert type(found) is type(expected), (found, expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float):
        assert abs(found - expected) <= 1e-4 * max(1, abs(expected))
    else:
        assert found == expected
