"""MLflow's scoring protocol over real HTTP: every input format of its documentation, faults in its words."""

from typing import Any

import pytest

from serving import Gateway

JSON = {"Content-Type": "application/json"}
NAMES = (
    "times_pregnant glucose blood_pressure skin_fold_thick serum_insulin mass_index diabetes_pedigree age".split()  # noqa: SIM905
)
ROWS: list[list[Any]] = [[1, 106, 70, 28, 135, 34.2, 0.142, 22], [8, 183, 64, None, None, 23.3, 0.672, 32]]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[name] for row in RECORDS] for name in NAMES}

BODIES = {
    "split": {"dataframe_split": {"columns": NAMES, "index": [0, 1], "data": ROWS}},
    "split in another order": {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}},
    "split without names": {"dataframe_split": {"columns": list(range(8)), "data": ROWS}},
    "records": {"dataframe_records": RECORDS},
    "instances of records": {"instances": RECORDS},
    "instances of rows": {"instances": ROWS},
    "inputs by column": {"inputs": COLUMNS},
    "inputs by column tensor": {"inputs": {name: [[cell] for cell in column] for name, column in COLUMNS.items()}},
    "inputs as a tensor": {"inputs": ROWS},
    "params": {"inputs": ROWS, "params": {"threshold": 0.5}},
    "no params": {"inputs": ROWS, "params": None},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_every_format_is_the_same_table(five: Gateway, body: Any) -> None:
    """Two rows are the same two predictions in every format of the protocol."""
    answer = five.post("/diabetes/invocations", body)
    assert (answer.status, answer.json) == (200, {"predictions": ["no", "yes"]})
    assert answer.headers["x-model-version"]


def test_csv(five: Gateway) -> None:
    """text/csv with a header is read like every CSV; an empty cell is a missing value."""
    lines = [",".join(NAMES), *(",".join("" if cell is None else str(cell) for cell in row) for row in ROWS)]
    for kind in ("text/csv", "text/csv; charset=UTF-8"):
        answer = five.request("POST", "/diabetes/invocations", "\r\n".join(lines).encode(), {"Content-Type": kind})
        assert answer.json == {"predictions": ["no", "yes"]}


def test_raw_nan_is_a_missing_value(five: Gateway) -> None:
    """MLflow's own client writes NaN, which is no JSON: here, and only here, it counts as null; Infinity does not."""
    row = "[8, 183, 64, NaN, NaN, 23.3, 0.672, 32]"
    answer = five.request("POST", "/diabetes/invocations", f'{{"inputs": [{row}]}}'.encode(), JSON)
    assert answer.json == {"predictions": ["yes"]}
    for path, body in (("/diabetes/invocations", row.replace("NaN", "Infinity")), ("/diabetes", row)):
        assert five.request("POST", path, f'{{"instances": [{body}]}}'.encode(), JSON).status == 400


def test_one_text_input(five: Gateway) -> None:
    """A model of one text takes bare texts, as chat-like clients send them."""
    for inputs in (["that movie was boring"], "that movie was boring", {"query": ["that movie was boring"]}):
        assert five.post("/sentiment/invocations", {"inputs": inputs}).json == {"predictions": ["Negative"]}


def test_aliases_have_it_too_and_large_batches_pass(five: Gateway) -> None:
    """An alias of a route serves the protocol; 12,000 rows come back in order."""
    answer = five.post("/katana-ml/api/v1.0/diabetes/invocations", {"inputs": ROWS * 6_000})
    assert answer.json == {"predictions": ["no", "yes"] * 6_000}


FAULTS = {
    "nothing": ({}, "0 of the input formats"),
    "two formats": ({"inputs": ROWS, "instances": ROWS}, "2 of the input formats"),
    "a list": (ROWS, "must be an object"),
    "a stranger": ({"inputs": ROWS, "columns": NAMES}, "not of this protocol"),
    "no rows": ({"inputs": []}, "no instances"),
    "split without data": ({"dataframe_split": {"columns": NAMES}}, "must have data"),
    "ragged": ({"dataframe_split": {"columns": NAMES, "data": [[1]]}}, "8 columns are named"),
    "twice": ({"dataframe_split": {"columns": [NAMES[0]] * 8, "data": ROWS}}, "stands twice"),
    "columns of two lengths": ({"inputs": {**COLUMNS, "age": [1]}}, "differ in length"),
    "params": ({"inputs": ROWS, "params": [1]}, "params must be an object"),
    "range": ({"inputs": [[-1, *ROWS[0][1:]]]}, "below the minimum 0"),
    "type": ({"dataframe_records": [{**RECORDS[0], "age": "old"}]}, "not a number for age"),
    "field": ({"dataframe_records": [{**RECORDS[0], "agee": 1}]}, "agee is not a field"),
}


@pytest.mark.parametrize(("body", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_faults(five: Gateway, body: Any, expected: str) -> None:
    """A bad body is 400 with MLflow's error_code, and a message that says what is wrong."""
    answer = five.post("/diabetes/invocations", body)
    assert (answer.status, answer.json["error_code"]) == (400, "BAD_REQUEST")
    assert expected in answer.json["message"]


def test_other_refusals(five: Gateway) -> None:
    """Wrong types, unknown routes and wrong methods are refused in the same form."""
    send = five.request
    for kind in ("application/xml", "text/csv; charset=latin-1", "application/vnd.apache.parquet"):
        answer = send("POST", "/diabetes/invocations", b"x", {"Content-Type": kind})
        assert (answer.status, answer.json["error_code"]) == (415, "BAD_REQUEST")
    assert five.post("/diabets/invocations", {}).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    answer = five.get("/diabetes/invocations")
    assert (answer.status, answer.json["error_code"]) == (405, "ENDPOINT_NOT_FOUND")
    assert "POST" in answer.headers["allow"]


def test_ping_and_version(five: Gateway) -> None:
    """/ping says that traffic may come, /version says the version of the gateway."""
    assert (five.get("/ping").status, five.get("/ping").body) == (200, b"\n")
    assert five.get("/version").body.strip() == five.get("/v2").json["version"].encode()
