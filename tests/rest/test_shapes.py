"""Shapes in which clients wrap instances in JSON: read where they have one meaning, else told what to send."""

import json
from pathlib import Path
from typing import Any

import pytest

from rest.one_worker import REGISTRY, Worker, environ_of
from rest.test_places import follow

ROWS = [[300, 13.5], [410, 9.5]]
RECORDS = [dict(zip("ab", row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[name] for row in RECORDS] for name in "ab"}
LABELLED = {name: {str(at): cell for at, cell in enumerate(column)} for name, column in COLUMNS.items()}
SPLIT = {"columns": ["a", "b"], "index": [0, 1], "data": ROWS}
SCHEMA = {"fields": [{"name": "index", "type": "integer"}], "primaryKey": ["index"], "pandas_version": "1.4.0"}
ONE = {"prediction": 313.5}
BOTH = {"predictions": [ONE, {"prediction": 419.5}]}
#: Shape -> body, and where the second value of its only or second row stands.
SINGLE: dict[str, tuple[Any, str]] = {
    "object": (RECORDS[0], "$.b"),
    "data": ({"data": RECORDS[0]}, "$.data.b"),
    "input": ({"input": RECORDS[0]}, "$.input.b"),
    "inputs": ({"inputs": RECORDS[0]}, "$.inputs.b"),
    "instances": ({"instances": RECORDS[0]}, "$.instances.b"),
    "data in order": ({"data": ROWS[0]}, "$.data[1]"),
    "features": ({"features": ROWS[0]}, "$.features[1]"),
    "values": ({"values": ROWS[0]}, "$.values[1]"),
    "features by name": ({"features": RECORDS[0]}, "$.features.b"),
    "with an option": ({"features": ROWS[0], "_trace": 1}, "$.features[1]"),
}
BATCH: dict[str, tuple[Any, str]] = {
    "records": (RECORDS, "$[1].b"),
    "values of pandas": (ROWS, "$[1][1]"),
    "X": ({"X": ROWS}, "$.X[1][1]"),
    "rows": ({"rows": RECORDS}, "$.rows[1].b"),
    "inputs of rows": ({"inputs": ROWS}, "$.inputs[1][1]"),
    "inputs by column": ({"inputs": COLUMNS}, "$.inputs.b[1]"),
    "columns": (COLUMNS, "$.b[1]"),
    "columns below data": ({"data": COLUMNS}, "$.data.b[1]"),
    "to_json of pandas": (LABELLED, "$.b['1']"),
    "to_json below data": ({"data": LABELLED}, "$.data.b['1']"),
    "orient index": ({"r1": RECORDS[0], "r2": RECORDS[1]}, "$.r2.b"),
    "orient split": (SPLIT, "$.data[1][1]"),
    "orient table": (
        {"schema": SCHEMA, "data": [{"index": at, **row} for at, row in enumerate(RECORDS)]},
        "$.data[1].b",
    ),
    "dataframe_split": ({"dataframe_split": SPLIT}, "$.dataframe_split.data[1][1]"),
    "dataframe_records": ({"dataframe_records": RECORDS}, "$.dataframe_records[1].b"),
    "input_data of Azure": ({"input_data": SPLIT}, "$.input_data.data[1][1]"),
    "split below data": ({"data": SPLIT}, "$.data.data[1][1]"),
}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker whose route adds a and b; another one's inputs are called as the words of shapes."""
    folder = tmp_path_factory.mktemp("shapes")
    words = {"inputs": [{"name": "data"}, {"name": "features"}], "output": {"kind": "regression"}}
    text = {"inputs": [{"name": "query", "type": "string"}], "output": {"kind": "json"}}
    (folder / "words.stub.json").write_text(json.dumps(words))
    (folder / "text.stub.json").write_text(json.dumps(text))
    return Worker(folder, REGISTRY + "  /words: words.stub.json\n  /text: text.stub.json\n")


def ask(worker: Worker, body: Any, path: str = "/sum", media: str = "application/json") -> Any:
    """Return the decoded answer to a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return worker.ask(environ_of("POST", path, raw, {"Content-Type": media})).json


@pytest.mark.parametrize("name", SINGLE)
def test_one_instance_is_answered_whatever_wraps_it(worker: Worker, name: str) -> None:
    """The answer is that of the bare object."""
    assert ask(worker, SINGLE[name][0]) == ONE


@pytest.mark.parametrize("name", BATCH)
def test_a_table_is_answered_row_by_row(worker: Worker, name: str) -> None:
    """Rows stay in order, also where a batch is so long that it is answered in chunks."""
    assert ask(worker, BATCH[name][0]) == BOTH


def test_long_columns_are_answered_in_chunks(worker: Worker) -> None:
    """Columns of more rows than the loop answers itself are the same table; a fault keeps its place."""
    columns: dict[str, list[Any]] = {"a": list(range(300)), "b": [1] * 300, "more": [0] * 300}
    assert ask(worker, columns)["predictions"] == [{"prediction": one + 1.0} for one in range(300)]
    columns["b"][250] = "x"
    (fault,) = ask(worker, columns)["errors"]
    assert (fault["at"], fault["row"]) == ("$.b[250]", 250)
    del columns["b"]
    assert [(one["at"], one["code"]) for one in ask(worker, columns)["errors"]] == [("$.b", "required")]


@pytest.mark.parametrize("name", [*SINGLE, *BATCH])
def test_a_fault_points_into_what_was_sent(worker: Worker, name: str) -> None:
    """The path of a wrong value, followed in the body of the client, leads to it."""
    body, at = (SINGLE | BATCH)[name]
    changed = json.loads(json.dumps(body).replace("9.5" if name in BATCH else "13.5", '"wrong"'))
    (fault,) = ask(worker, changed)["errors"]
    assert (fault["at"], follow(at, changed)) == (at, "wrong")


@pytest.mark.parametrize("body", [body for body, _ in (*SINGLE.values(), *BATCH.values())])
def test_a_body_that_is_encoded_twice_is_read_once_more(worker: Worker, body: Any) -> None:
    """`json=json.dumps(…)` sends a JSON text that holds JSON."""
    assert ask(worker, json.dumps(body)) == ask(worker, body)


@pytest.mark.parametrize("media", ["text/plain;charset=UTF-8", "text/plain", "application/x-www-form-urlencoded", ""])
def test_json_is_json_whatever_type_is_claimed(worker: Worker, media: str) -> None:
    """`fetch` without a header sends text/plain, `curl -d` a form, and some send no type at all."""
    assert ask(worker, RECORDS[0], media=media) == ONE
    assert ask(worker, json.dumps(RECORDS), media=media) == BOTH
    if media.startswith("text"):
        refused = ask(worker, b"a,b\n1,2\n", media=media)
        assert refused["status"] == 415 and "text/csv" in refused["hint"]


def test_a_table_without_its_type_is_told_what_to_send(worker: Worker) -> None:
    """`curl --data-binary @rows.csv` claims to send a form; with the type that the hint names it is read."""
    form = "application/x-www-form-urlencoded"
    for body in (b"a,b\n300,13.5\n", b"a;b\n300;13.5", b"a,b300,13.5"):
        refused = ask(worker, body, media=form)
        assert refused["status"] == 415 and "Content-Type: text/csv" in refused["hint"]
    assert ask(worker, b"a,b\n300,13.5\n", media="text/csv") == {"predictions": [ONE]}


def test_json_inside_a_field_is_read(worker: Worker) -> None:
    """`data={"data": json.dumps(…)}` as a form, and a text below data."""
    assert (
        ask(worker, b"data=%7B%22a%22%3A+300%2C+%22b%22%3A+13.5%7D", media="application/x-www-form-urlencoded") == ONE
    )
    assert ask(worker, {"data": json.dumps(RECORDS[0])}) == ONE
    assert ask(worker, {"data": json.dumps(ROWS[0])}) == ONE
    (fault,) = ask(worker, {"data": '{"a": 300, "b": }'})["errors"]
    assert fault["at"] == "$.data"


def test_a_route_keeps_its_own_names(worker: Worker) -> None:
    """Where inputs are called data and features, they are inputs; a text that looks like JSON is a text."""
    assert ask(worker, {"data": 1, "features": 2}, "/words") == {"prediction": 3.0}
    assert ask(worker, {"data": [1, 2], "features": [3, 4]}, "/words")["predictions"][1] == {"prediction": 6.0}
    assert ask(worker, {"data": '{"query": "x"}'}, "/text") == ask(worker, {"query": '{"query": "x"}'}, "/text")


@pytest.mark.parametrize(
    "body",
    [
        {"payload": RECORDS[0]},
        {"payload": ROWS[0]},
        {"instances": ROWS[0]},
        ROWS[0],
        {"inputs": "300,13.5"},
        {"data": {"data": RECORDS[0]}},
        {"data": ROWS[0], "fn_index": 0},
        {"jsonrpc": "2.0", "method": "predict", "params": RECORDS[0], "id": 1},
        {"query": "mutation {…}", "variables": {"input": RECORDS[0]}},
        {"data": {"type": "sums", "attributes": RECORDS[0]}},
    ],
)
def test_a_shape_that_is_not_read_tells_the_body_to_send(worker: Worker, body: Any) -> None:
    """The hint is the whole body, with the client's own values; sent as it stands it is answered."""
    (fault,) = ask(worker, body)["errors"]
    assert fault["hint"].startswith("send {"), fault
    assert ask(worker, fault["hint"].removeprefix("send ").encode()) == ONE


@pytest.mark.parametrize(
    "body",
    [
        {"signature_name": "serving_default", "instances": RECORDS},
        {"signature_name": "serving_default", "inputs": COLUMNS},
        {"instances": ROWS, "parameters": {"confidence": 0.5}},
        {"columns": ["b", "a"], "rows": [row[::-1] for row in ROWS]},
        {"fields": ["b", "a"], "values": [row[::-1] for row in ROWS]},
        {"data": {"names": ["b", "a"], "ndarray": [row[::-1] for row in ROWS]}},
        {"data": {"ndarray": ROWS}},
        {"Inputs": {"data": RECORDS}, "GlobalParameters": 1.0},
        {"Inputs": {"input1": {"ColumnNames": ["b", "a"], "Values": [row[::-1] for row in ROWS]}}},
    ],
)
def test_the_batch_of_another_server_tells_the_body_to_send(worker: Worker, body: Any) -> None:
    """Names beside the rows stay with them: the order of the values is the client's, not that of the route."""
    (fault,) = ask(worker, body)["errors"]
    assert fault["hint"].startswith("send {"), fault
    assert ask(worker, fault["hint"].removeprefix("send ").encode()) == BOTH


def test_lines_that_wrap_their_values_tell_what_a_line_is(worker: Worker) -> None:
    """SageMaker's lines hold the values below a word; a list alone is a line here, in its media type too."""
    media = "application/jsonlines"
    lines = b'{"features": [300, 13.5]}\n{"features": [410, 9.5]}\n'
    assert {one["hint"] for one in ask(worker, lines, media=media)["errors"] if one["code"] == "unknown-field"} == {
        "send an object of fields, or a list of the values, without a name around it"
    }
    assert ask(worker, b"[300, 13.5]\n[410, 9.5]\n", media=media) == BOTH


def test_a_data_frame_said_to_be_one_may_hold_any_names(worker: Worker) -> None:
    """Fields called data and features are no words of the frame."""
    frame = {"columns": ["features", "data"], "index": [0, 1], "data": [[1, 2], [3, 4]]}
    assert ask(worker, {"dataframe_split": frame}, "/words") == {"predictions": [{"prediction": 3}, {"prediction": 7}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"a": [1, 2], "b": [1]}, "json-type"),
        ({"a": [], "b": []}, "empty-batch"),
        ({"a": {"0": 1}, "b": {"1": 1}}, "json-type"),
        ({"a": [1], "b": 2}, "type"),
        ({"features": ROWS[0], "more": 1}, "unknown-field"),
        ({"A": [1], "b": [1]}, "required"),
        ("text", "json-type"),
        ('"{}"', "json-type"),
    ],
)
def test_what_has_no_meaning_is_refused(worker: Worker, body: Any, code: str) -> None:
    """Columns of different lengths, values beside columns and the like are faults, never half an answer."""
    assert ask(worker, body)["errors"][0]["code"] == code


def test_redacted_hints_hold_no_value(tmp_path: Path) -> None:
    """With `errors: redacted` the body to send is told without the values."""
    worker = Worker(tmp_path, REGISTRY.replace("server: {", "server: {errors: redacted, "))
    assert "300" not in json.dumps(ask(worker, {"payload": ROWS[0]})["errors"])
