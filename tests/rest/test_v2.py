"""The Open Inference Protocol over real HTTP: metadata, readiness, tensors of every form, and faults in its words."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving import Answer, Gateway

ROW = [1, 106, 70, 28, 135, 34.2, 0.142, 22]
INFER = "/v2/models/diabetes/infer"


def tensor(values: Any, shape: list[int], datatype: str = "FP64", name: str = "rows", **more: Any) -> dict[str, Any]:
    """Return a JSON tensor."""
    return {"name": name, "shape": shape, "datatype": datatype, "data": values, **more}


def outputs(answer: Answer) -> dict[str, Any]:
    """Return the output tensors by name."""
    assert answer.status == 200, answer.body
    return {one["name"]: one for one in answer.json["outputs"]}


def binary(
    server: Gateway, head: dict[str, Any], raw: bytes, path: str = INFER, length: int | str | None = None
) -> Answer:
    """Send JSON and raw tensors."""
    text = json.dumps(head).encode()
    headers = {"Content-Type": "application/octet-stream"}
    headers["Inference-Header-Content-Length"] = str(len(text) if length is None else length)
    return server.request("POST", path, text + raw, headers)


def test_metadata_is_what_infer_takes_and_answers(five: Gateway) -> None:
    """The tensors that metadata names are those that infer takes by column and answers, with their datatypes."""
    for name in five.get("/v2/models").json["models"]:
        metadata = five.get(f"/v2/models/{name}").json
        sample = next(route for route in five.get("/routes").json["routes"] if route["name"] == name)["sample"]
        inputs = [tensor([sample[one["name"]]], [1], one["datatype"], one["name"]) for one in metadata["inputs"]]
        for one in inputs:
            one["data"] = [str(one["data"][0])] if one["datatype"] == "BYTES" else one["data"]
        found = outputs(five.post(f"/v2/models/{name}/infer", {"inputs": inputs}))
        assert {key: value["datatype"] for key, value in found.items()} == {
            one["name"]: one["datatype"] for one in metadata["outputs"]
        }


def test_columns_matrix_and_native_answers_agree(five: Gateway) -> None:
    """One row is the same prediction as columns, as an [n, k] tensor flat or nested, and on the route itself."""
    names = five.get("/routes").json["routes"][1]["positional"]
    columns = [tensor([[value]], [1, 1], "FP64", name) for name, value in zip(names, ROW, strict=True)]
    answers = [
        outputs(five.post(INFER, {"inputs": inputs}))["probabilities"]["data"]
        for inputs in (columns, [tensor(ROW, [1, 8])], [tensor([ROW], [1, 8])])
    ]
    native = five.post("/diabetes", dict(zip(names, ROW, strict=True))).json["prediction"]
    assert all(answer[1] == native for answer in answers)


def test_versions(five: Gateway) -> None:
    """The version of the metadata is the one in answers and paths; another one is 404."""
    version = five.get("/v2/models/diabetes").json["versions"][0]
    body = {"inputs": [tensor(ROW, [1, 8])], "id": "é-1"}
    answer = five.post(f"/v2/models/diabetes/versions/{version}/infer", body)
    assert (answer.json["model_version"], answer.json["id"]) == (version, "é-1")
    assert five.get(f"/v2/models/diabetes/versions/{version}/ready").json == {"name": "diabetes", "ready": True}
    for path in ("/v2/models/diabetes/versions/0", "/v2/models/diabetes/versions/0/ready", "/v2/models/none"):
        assert (five.get(path).status, set(five.get(path).json)) == (404, {"error", "request_id"})


def test_output_selection(five: Gateway) -> None:
    """Only the outputs that were asked for come back, in the order asked for; an unknown name is told apart."""
    body = {"inputs": [tensor(ROW, [1, 8])], "outputs": [{"name": "probabilities"}, {"name": "prediction"}]}
    assert list(outputs(five.post(INFER, body))) == ["probabilities", "prediction"]
    answer = five.post(INFER, body | {"outputs": [{"name": "probabilites"}]})
    assert answer.status == 400
    assert "did you mean 'probabilities'?" in answer.json["error"]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "BF16"])
def test_binary_tensors(five: Gateway, datatype: str) -> None:
    """Raw tensors of every float type are read; raw outputs follow the JSON that names their sizes."""
    values = np.array([ROW, ROW], dtype={"FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BF16": "<f4"}[datatype])
    raw = values.tobytes()
    if datatype == "BF16":
        raw = (values.view("<u4") >> 16).astype("<u2").tobytes()
    head = {
        "inputs": [
            {"name": "rows", "shape": [2, 8], "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
        ],
        "parameters": {"binary_data_output": True},
    }
    answer = binary(five, head, raw)
    assert answer.status == 200, answer.body
    length = int(answer.headers["inference-header-content-length"])
    shown = json.loads(answer.body[:length])["outputs"]
    sizes = [one["parameters"]["binary_data_size"] for one in shown]
    assert sum(sizes) == len(answer.body) - length
    labels, probabilities = answer.body[length : length + sizes[0]], answer.body[length + sizes[0] :]
    assert labels == struct.pack("<I", 2) + b"no" + struct.pack("<I", 2) + b"no"
    table = np.frombuffer(probabilities, "<f8").reshape(shown[1]["shape"])
    assert table == pytest.approx(np.array([[0.919, 0.081]] * 2), abs=0.01)


def test_raw_form(five: Gateway) -> None:
    """A header length of 0 means that the body is the only input; a model of one text takes it as one instance."""
    answer = binary(five, {}, b"", "/v2/models/sentiment/infer", 0)
    assert answer.status == 200
    refused = five.request("POST", INFER, b"\0" * 64, {"Inference-Header-Content-Length": "0"})
    assert refused.status == 400
    assert "one input" in refused.json["error"]


def test_missing_values(five: Gateway) -> None:
    """Null in JSON and NaN in raw bytes are a missing value where a field may be missing, a fault elsewhere."""
    missing = [1, None, *ROW[2:]]
    found = outputs(five.post(INFER, {"inputs": [tensor(missing, [1, 8])]}))["probabilities"]["data"]
    raw = np.array([value if value is not None else np.nan for value in missing]).tobytes()
    head = {"inputs": [{"name": "r", "shape": [1, 8], "datatype": "FP64", "parameters": {"binary_data_size": 64}}]}
    assert outputs(binary(five, head, raw))["probabilities"]["data"] == found
    bad = binary(five, head, np.array([np.nan, *ROW[1:]]).tobytes())
    assert bad.status == 400
    assert "not a finite number for times_pregnant" in bad.json["error"]


def test_a_big_batch_is_predicted_whole_and_in_order(five: Gateway) -> None:
    """25,000 rows, more than two chunks, come back in order."""
    rows = np.tile(np.array(ROW), (25_000, 1))
    rows[:, 1] = np.arange(25_000) % 200 + 40
    raw = rows.tobytes()
    one = {"name": "r", "shape": [25_000, 8], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = {"inputs": [one], "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}
    answer = binary(five, head, raw)
    assert answer.status == 200, answer.body[:500]
    found = np.frombuffer(answer.body[int(answer.headers["inference-header-content-length"]) :], "<f8").reshape(-1, 2)
    assert len(found) == 25_000
    assert (found[:200] == found[24_800:]).all()
    assert len(np.unique(found[:, 1])) > 5


def _faults() -> list[Any]:
    row = tensor(ROW, [1, 8])
    return [
        pytest.param({}, "inputs must be a list", id="no inputs"),
        pytest.param({"inputs": []}, "no inputs", id="empty inputs"),
        pytest.param([], "must be an object", id="a list"),
        pytest.param({"inputs": [row | {"shape": [1, 9]}]}, "9 elements", id="size"),
        pytest.param({"inputs": [row | {"shape": [8]}]}, "no input|not an input", id="vector"),
        pytest.param({"inputs": [row | {"shape": [-1, 8]}]}, "dimension", id="negative"),
        pytest.param({"inputs": [row | {"shape": [10**3000] * 2}]}, "dimension", id="product beyond printing"),
        pytest.param({"inputs": [row | {"shape": [0, 8], "data": []}]}, "batch", id="empty batch"),
        pytest.param({"inputs": [row | {"datatype": "FP8"}]}, "no datatype", id="datatype"),
        pytest.param({"inputs": [row | {"datatype": "INT64"}]}, "no INT64", id="float as int"),
        pytest.param({"inputs": [row | {"data": "1,2"}]}, "data must be a list", id="text data"),
        pytest.param({"inputs": [row | {"data": [ROW, ROW[:7]]}]}, "shape", id="ragged"),
        pytest.param({"inputs": [row], "id": 7}, "id must be a text", id="id"),
        pytest.param({"inputs": [row | {"parameters": {"shared_memory_region": "x"}}]}, "shared memory", id="shm"),
        pytest.param({"inputs": [tensor([1], [1], name="glucos")]}, "did you mean 'glucose'", id="near miss"),
        pytest.param({"inputs": [tensor([1], [1], name="glucose")]}, "required", id="absent fields"),
        pytest.param({"inputs": [tensor([1, *ROW], [9, 1], name="age"), row]}, "9|not an input", id="lengths"),
        pytest.param({"inputs": [tensor([-1, *ROW[1:]], [1, 8])]}, "below the minimum 0", id="range"),
    ]


@pytest.mark.parametrize(("body", "expected"), _faults())
def test_faults_are_said_in_the_words_of_the_protocol(five: Gateway, body: Any, expected: str) -> None:
    """A bad request is 400 with one `error` text that says what is wrong."""
    answer = five.post(INFER, body)
    assert answer.status == 400, answer.body
    assert any(word in answer.json["error"] for word in expected.split("|")), answer.json["error"]


@pytest.mark.parametrize(
    ("size", "extra", "length"),
    [
        (64, b"", None),
        (64, b"123456789", None),
        (1 << 40, b"", None),
        (8, b"", 10**9),
        pytest.param(8, b"", "9" * 5_000, id="5,000 digits"),
    ],
)
def test_binary_sizes_must_add_up(five: Gateway, size: int, extra: bytes, length: int | str | None) -> None:
    """Sizes that do not belong to shape and body are refused before anything is allocated."""
    one = {"name": "r", "shape": [2, 8], "datatype": "FP64", "parameters": {"binary_data_size": size}}
    answer = binary(five, {"inputs": [one]}, np.array(ROW).tobytes() + extra, length=length)
    assert answer.status == 400
    assert "bytes" in answer.json["error"]


def test_everything_else_is_refused_in_its_words_too(five: Gateway) -> None:
    """404, 405, 413, 415 and the refusal of load and unload below /v2 have the one form of the protocol."""
    answers = {
        404: five.get("/v2/modells"),
        405: five.request("DELETE", "/v2/models"),
        415: five.request("POST", INFER, b"x", {"Content-Type": "image/png"}),
        403: five.post("/v2/repository/models/diabetes/unload", {}),
    }
    for status, answer in answers.items():
        assert (answer.status, "error" in answer.json) == (status, True)
    assert five.post("/v2/repository/models/none/load", {}).status == 404


def test_index_and_readiness_follow_the_models(gateway: Callable[..., Gateway]) -> None:
    """A model that failed is UNAVAILABLE with its reason, makes the server unready, and answers 503 + Retry-After."""
    server = gateway("version: 1\nroutes:\n  /bad: nothing.onnx\n")
    (row,) = server.post("/v2/repository/index", {}).json
    assert (row["name"], row["state"]) == ("bad", "UNAVAILABLE")
    assert row["reason"]
    assert server.post("/v2/repository/index", {"ready": True}).json == []
    for answer in (server.get("/v2/health/ready"), server.get("/v2/models/bad/ready"), server.get("/v2/models/bad")):
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
    assert server.post("/v2/models/bad/infer", {"inputs": [tensor(ROW, [1, 8])]}).status == 503
