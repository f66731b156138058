"""MLflow's scoring protocol over real HTTP: every input format of its documentation, faults in its words."""

from typing import Any

import pytest

import batch_formats
import serving
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


TABLES = {
    "text/csv": batch_formats.write_csv,
    "text/csv; charset=UTF-8": batch_formats.write_csv,
    "application/x-ndjson": batch_formats.write_ndjson,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": batch_formats.write_xlsx,
    "application/vnd.apache.parquet": batch_formats.write_parquet,
}


@pytest.mark.parametrize(("kind", "write"), TABLES.items(), ids=TABLES.keys())
def test_tables(five: Gateway, kind: str, write: Any) -> None:
    """Whatever table the route reads is read here, and answered in MLflow's way; a gap is a missing value."""
    answer = five.request("POST", "/diabetes/invocations", write(ROWS, NAMES), {"Content-Type": kind})
    assert (answer.status, answer.json) == (200, {"predictions": ["no", "yes"]})
    assert answer.headers["x-model-version"]


def test_a_long_table_is_answered_in_chunks_and_in_order(five: Gateway) -> None:
    """60,000 rows of 8 cells, more than fit into one chunk of a table, come back in order."""
    body = batch_formats.write_csv(ROWS * 30_000, NAMES)
    answer = five.request("POST", "/diabetes/invocations", body, {"Content-Type": "text/csv"})
    assert (answer.status, answer.headers.get("transfer-encoding")) == (200, "chunked")
    assert answer.json == {"predictions": ["no", "yes"] * 30_000}


def test_an_answer_by_id_is_a_list_here(five: Gateway) -> None:
    """A route that answers by id on its own path answers MLflow's list here, and takes the id column along."""
    body = (serving.ROOT / "models/insurance/sample.csv").read_bytes()
    answer = five.request("POST", "/insurance/invocations", body, {"Content-Type": "text/csv"})
    own = five.request("POST", "/insurance", body, {"Content-Type": "text/csv"})
    assert answer.json == {"predictions": list(own.json.values())}


def test_faults_of_tables(five: Gateway) -> None:
    """A broken file, a bad cell and a missing column are 400 in MLflow's form and leave nothing running."""
    cases = {
        "application/vnd.apache.parquet": (b"x", "not readable Parquet"),
        "text/csv": (batch_formats.write_csv([[-1, *ROWS[0][1:]]], NAMES), "below the minimum 0"),
        "application/x-ndjson": (b'{"age": 1}\n', "glucose is required"),
    }
    for kind, (body, expected) in cases.items():
        answer = five.request("POST", "/diabetes/invocations", body, {"Content-Type": kind})
        assert (answer.status, answer.json["error_code"]) == (400, "BAD_REQUEST")
        assert expected in answer.json["message"]


def test_long_csv(five: Gateway) -> None:
    """A CSV of any length and width that the limits allow is answered whole and in order; faults name their row."""
    kind = {"Content-Type": "text/csv"}
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in ROWS]
    body = "\n".join([",".join(NAMES), *lines * 12_000])
    answer = five.request("POST", "/diabetes/invocations", body.encode(), kind)
    assert (answer.status, answer.json) == (200, {"predictions": ["no", "yes"] * 12_000})
    answer = five.request("POST", "/diabetes/invocations", f"{body}\n1,2\n-1{lines[0][1:]}".encode(), kind)
    assert answer.status == 400
    assert [(fault["row"], fault["code"]) for fault in answer.json["errors"]] == [
        (24_000, "arity"),
        (24_001, "minimum"),
    ]
    wide = [f"{line}{',' * 4_000}" for line in (",".join(NAMES), *lines * 60)]
    answer = five.request("POST", "/diabetes/invocations", "\n".join(wide).encode(), kind)
    assert (answer.status, answer.json) == (200, {"predictions": ["no", "yes"] * 60})


def test_raw_nan_is_a_missing_value(five: Gateway) -> None:
    """MLflow's own client writes NaN, which is no JSON: here, and only here, it counts as null; Infinity does not."""
    row = "[8, 183, 64, NaN, NaN, 23.3, 0.672, 32]"
    answer = five.request("POST", "/diabetes/invocations", f'{{"inputs": [{row}]}}'.encode(), JSON)
    assert answer.json == {"predictions": ["yes"]}
    twice = five.request("POST", "/diabetes/invocations", f'{{"inputs": [{row}], "inputs": [{row}]}}'.encode(), JSON)
    assert (twice.status, twice.json["errors"][0]["code"]) == (400, "duplicate-key")
    broken = five.request("POST", "/diabetes/invocations", b'{"inputs": [[True, NaN]]}', JSON)
    assert (broken.status, broken.json["errors"][0]["code"]) == (400, "json-literal")
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


def test_rows_are_counted_before_they_are_built(five: Gateway) -> None:
    """A batch above `max_rows` is 413 in every format; an empty body is told in the words of the protocol."""
    long = [ROWS[0]] * 100_001
    bodies: list[Any] = [
        {"dataframe_split": {"columns": NAMES, "data": long}},
        {"inputs": long},
        {"inputs": dict.fromkeys(NAMES, [1] * 100_001)},
    ]
    for body in bodies:
        answer = five.post("/diabetes/invocations", body)
        assert (answer.status, answer.json["error_code"]) == (413, "BAD_REQUEST")
        assert "more than 100000 rows" in answer.json["message"]
    empty = five.request("POST", "/diabetes/invocations", b" ", JSON)
    assert "dataframe_split" in empty.json["errors"][0]["expected"]


def test_other_refusals(five: Gateway) -> None:
    """Wrong types, unknown routes and wrong methods are refused in the same form."""
    send = five.request
    for kind in ("application/xml", "text/csv; charset=latin-1", "multipart/form-data; boundary=x", ""):
        answer = send("POST", "/diabetes/invocations", b"x", {"Content-Type": kind})
        assert (answer.status, answer.json["error_code"]) == (415, "BAD_REQUEST")
        assert "forms and files of forms go to /diabetes)" in answer.json["message"]
    assert five.post("/diabets/invocations", {}).json["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    answer = five.get("/diabetes/invocations")
    assert (answer.status, answer.json["error_code"]) == (405, "ENDPOINT_NOT_FOUND")
    assert "POST" in answer.headers["allow"]


def test_ping_and_version(five: Gateway) -> None:
    """/ping says that traffic may come, /version says the version of the gateway."""
    assert (five.get("/ping").status, five.get("/ping").body) == (200, b"\n")
    assert five.get("/version").body.strip() == five.get("/v2").json["version"].encode()
