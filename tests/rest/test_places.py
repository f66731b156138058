"""The path of a fault, followed in the body that was sent, leads to the value that is wrong: in every dialect."""

import json
import re
from typing import Any

import numpy as np
import pytest

from serving import Gateway

NAMES = (
    "times_pregnant glucose blood_pressure skin_fold_thick serum_insulin mass_index diabetes_pedigree age".split()  # noqa: SIM905
)
GOOD: list[Any] = [1, 106, 70, 28, 135, 34.2, 0.142, 22]
#: Wrong in row 3 (glucose) and row 5 (age).
ROWS = [GOOD, GOOD, GOOD, [1, -7, *GOOD[2:]], GOOD, [*GOOD[:7], -9]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[name] for row in RECORDS] for name in NAMES}
FLAT = [cell for row in ROWS for cell in row]

_STEP = re.compile(r"\.([A-Za-z_]\w*)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]")


def follow(path: str, body: Any) -> Any:
    """Return what stands at a JSON path, which must be nothing else."""
    assert path.startswith("$"), path
    position, found = 1, body
    while position < len(path):
        step = _STEP.match(path, position)
        assert step, path
        found = found[int(step[3])] if step[3] else found[step[1] or step[2]]
        position = step.end()
    return found


def tensor(name: str, shape: list[int], data: Any, datatype: str = "FP64") -> dict[str, Any]:
    """Return a JSON tensor."""
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


MLFLOW: dict[str, tuple[Any, str, str]] = {
    "split": (
        {"dataframe_split": {"columns": NAMES, "data": ROWS}},
        "$.dataframe_split.data[3][1]",
        "$.dataframe_split.data[5][7]",
    ),
    "split without names": (
        {"dataframe_split": {"data": ROWS}},
        "$.dataframe_split.data[3][1]",
        "$.dataframe_split.data[5][7]",
    ),
    "split in another order": (
        {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
        "$.dataframe_split.data[3][6]",
        "$.dataframe_split.data[5][0]",
    ),
    "records": ({"dataframe_records": RECORDS}, "$.dataframe_records[3].glucose", "$.dataframe_records[5].age"),
    "instances of records": ({"instances": RECORDS}, "$.instances[3].glucose", "$.instances[5].age"),
    "instances of tensors": (
        {"instances": [{name: [cell] for name, cell in row.items()} for row in RECORDS]},
        "$.instances[3].glucose[0]",
        "$.instances[5].age[0]",
    ),
    "instances of rows": ({"instances": ROWS}, "$.instances[3][1]", "$.instances[5][7]"),
    "inputs by column": ({"inputs": COLUMNS}, "$.inputs.glucose[3]", "$.inputs.age[5]"),
    "inputs by column tensor": (
        {"inputs": {name: [[cell] for cell in column] for name, column in COLUMNS.items()}},
        "$.inputs.glucose[3][0]",
        "$.inputs.age[5][0]",
    ),
    "inputs as a tensor": ({"inputs": ROWS}, "$.inputs[3][1]", "$.inputs[5][7]"),
}
V2: dict[str, tuple[Any, str, str]] = {
    "columns": (
        {"inputs": [tensor(name, [6], COLUMNS[name]) for name in NAMES]},
        "$.inputs[1].data[3]",
        "$.inputs[7].data[5]",
    ),
    "nested columns": (
        {"inputs": [tensor(name, [6, 1], [[cell] for cell in COLUMNS[name]]) for name in NAMES[::-1]]},
        "$.inputs[6].data[3][0]",
        "$.inputs[0].data[5][0]",
    ),
    "one flat tensor": ({"inputs": [tensor("rows", [6, 8], FLAT)]}, "$.inputs[0].data[25]", "$.inputs[0].data[47]"),
    "one nested tensor": (
        {"inputs": [tensor("rows", [6, 8], ROWS)]},
        "$.inputs[0].data[3][1]",
        "$.inputs[0].data[5][7]",
    ),
}


@pytest.mark.parametrize(
    ("path", "body", "first", "second"),
    [
        *(pytest.param("/diabetes/invocations", *case, id=f"mlflow {name}") for name, case in MLFLOW.items()),
        *(pytest.param("/v2/models/diabetes/infer", *case, id=f"v2 {name}") for name, case in V2.items()),
        pytest.param("/diabetes", {"instances": RECORDS}, "$.instances[3].glucose", "$.instances[5].age", id="own"),
        pytest.param("/diabetes", {"data": ROWS}, "$.data[3][1]", "$.data[5][7]", id="own positional"),
    ],
)
def test_a_fault_points_at_its_value(five: Gateway, path: str, body: Any, first: str, second: str) -> None:
    """Both wrong values are found where their faults say, with the row and the field."""
    answer = five.post(path, body)
    assert answer.status == 400, answer.body
    faults = answer.json["errors"]
    assert [(fault["at"], fault["row"], fault["field"]) for fault in faults] == [
        (first, 3, "glucose"),
        (second, 5, "age"),
    ]
    assert [follow(fault["at"], body) for fault in faults] == [-7, -9] == [fault["got"] for fault in faults]


ONE_TEXT: dict[str, tuple[str, Any, str]] = {
    "bare instances": ("/sentiment/invocations", {"instances": ["good", 5]}, "$.instances[1]"),
    "bare inputs": ("/sentiment/invocations", {"inputs": ["good", 5]}, "$.inputs[1]"),
    "one bare input": ("/sentiment/invocations", {"inputs": 5}, "$.inputs"),
    "one object": ("/sentiment/invocations", {"inputs": {"query": 5}}, "$.inputs.query"),
    "bare instances of the route itself": ("/sentiment", {"instances": ["good", 5]}, "$.instances[1]"),
    "many of them": ("/sentiment", {"instances": ["good"] * 300 + [5]}, "$.instances[300]"),
}


@pytest.mark.parametrize(("path", "body", "at"), ONE_TEXT.values(), ids=ONE_TEXT.keys())
def test_a_bare_value_is_its_own_place(five: Gateway, path: str, body: Any, at: str) -> None:
    """Where a row is one value without brackets, the path has none either."""
    (fault,) = five.post(path, body).json["errors"]
    assert (fault["at"], follow(at, body)) == (at, 5)


WITHOUT_AGE = {name: column for name, column in COLUMNS.items() if name != "age"}
NAMES_WRONG: dict[str, tuple[str, Any, list[tuple[str, str]]]] = {
    "split": (
        "/diabetes/invocations",
        {"dataframe_split": {"columns": [*NAMES[:7], "agee"], "data": ROWS}},
        [("$.dataframe_split.columns", "required"), ("$.dataframe_split.columns[7]", "unknown-field")],
    ),
    "inputs by column": (
        "/diabetes/invocations",
        {"inputs": WITHOUT_AGE | {"agee": COLUMNS["age"]}},
        [("$.inputs.age", "required"), ("$.inputs.agee", "unknown-field")],
    ),
    "tensors": (
        "/v2/models/diabetes/infer",
        {"inputs": [tensor(name, [6], column) for name, column in WITHOUT_AGE.items()]},
        [("$.inputs", "required")],
    ),
}


@pytest.mark.parametrize(("path", "body", "expected"), NAMES_WRONG.values(), ids=NAMES_WRONG.keys())
def test_a_wrong_name_is_told_once(five: Gateway, path: str, body: Any, expected: list[tuple[str, str]]) -> None:
    """Where all rows share their names, a missing or unknown one is one fault and not one per row."""
    answer = five.post(path, body).json
    assert [(fault["at"], fault["code"]) for fault in answer["errors"]] == expected
    assert "total_errors" not in answer
    assert not any("row" in fault for fault in answer["errors"])


def test_elements_of_a_wrong_type(five: Gateway) -> None:
    """The datatype's own faults follow the nesting of the data, too."""
    for data, at in (([[1], ["x"]], "$.inputs[0].data[1][0]"), ([1, "x"], "$.inputs[0].data[1]")):
        body = {"inputs": [tensor("age", [2, 1], data)]}
        (fault,) = five.post("/v2/models/diabetes/infer", body).json["errors"]
        assert (fault["at"], follow(at, body)) == (at, "x")


def test_raw_bytes_have_no_path_below_their_tensor(five: Gateway) -> None:
    """Of binary data the fault names the tensor, and row and field say the rest."""
    raw = np.array(ROWS, dtype="<f8").tobytes()
    one = {"name": "rows", "shape": [6, 8], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [one]}).encode()
    answer = five.request(
        "POST", "/v2/models/diabetes/infer", head + raw, {"Inference-Header-Content-Length": str(len(head))}
    )
    faults = [(fault["at"], fault["row"], fault["field"]) for fault in answer.json["errors"]]
    assert faults == [("$.inputs[0]", 3, "glucose"), ("$.inputs[0]", 5, "age")]
