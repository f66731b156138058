"""The answers to a batch as JSON and NDJSON, and the columns that an answer has as a table."""

import json
from typing import Any

import pytest

from gateway.answers.leaves import column_names, leaf_columns, leaves_of
from gateway.codecs.chunks import Answered
from gateway.codecs.json_batch import JsonWriter
from gateway.codecs.ndjson import NdjsonWriter
from gateway.schema import Output, Signature

FAULT = {"at": "$[1]", "code": "x", "message": "bad", "row": 1}
CHUNKS = (
    Answered([1, None], {1: FAULT}, ["a", "b"]),
    Answered([None], {0: {**FAULT, "row": 2}}, ["c"]),
    Answered([{"p": 0.5}], {}, ["d"]),
)


def written(writer: Any, chunks: Any = CHUNKS) -> bytes:
    """Write a whole answer."""
    body = writer.begin() + b"".join(writer.rows(chunk) for chunk in chunks) + writer.end()
    return bytes(body)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("wrapped", {"predictions": [1, 2, {"p": 0.5}]}),
        ("list", [1, 2, {"p": 0.5}]),
        ("by_id", {"a": 1, "b": 2, "d": {"p": 0.5}}),
    ],
)
def test_pieces_make_one_document(shape: Any, expected: Any) -> None:
    """However a batch is cut, its answer is one JSON document of the shape that the route declares."""
    chunks = [Answered([1, 2], {}, ["a", "b"]), Answered([{"p": 0.5}], {}, ["d"])]
    assert json.loads(written(JsonWriter(shape), chunks)) == expected


@pytest.mark.parametrize("shape", ["wrapped", "list", "by_id"])
def test_skipped_rows_come_in_an_envelope(shape: Any) -> None:
    """Asked to skip, every shape is an envelope: an answer per row sent or by id, and one fault per bad row."""
    answer = json.loads(written(JsonWriter(shape, errors=True)))
    good = {"a": 1, "d": {"p": 0.5}} if shape == "by_id" else [1, None, None, {"p": 0.5}]
    assert answer == {"predictions": good, "errors": [FAULT, {**FAULT, "row": 2}], "total_errors": 2}


def test_no_row_left_is_still_json() -> None:
    """A batch of bad rows only is an answer without predictions."""
    chunks = [Answered([None], {0: FAULT}, ["a"])]
    assert json.loads(written(JsonWriter("by_id", errors=True), chunks))["predictions"] == {}


def test_ndjson_has_one_line_per_row_as_sent() -> None:
    """Line n is row n, good or bad; with ids each line names its row."""
    lines = [json.loads(line) for line in written(NdjsonWriter()).splitlines()]
    assert lines == [1, {"error": FAULT}, {"error": {**FAULT, "row": 2}}, {"p": 0.5}]
    named = [json.loads(line) for line in written(NdjsonWriter("ID")).splitlines()]
    assert named[0] == {"ID": "a", "prediction": 1}
    assert named[1] == {"ID": "b", "error": FAULT}
    assert named[3] == {"ID": "d", "p": 0.5}


YES_NO = Signature(inputs=(), output=Output(kind="classification", labels=(True, False), probabilities=True))


@pytest.mark.parametrize(
    ("output", "template", "expected"),
    [
        (
            YES_NO.output,
            None,
            [("prediction", "boolean"), ("probabilities.true", "number"), ("probabilities.false", "number")],
        ),
        (YES_NO.output, "$label", [("prediction", "boolean")]),
        (
            Output(),
            {"a": {"b": "$value"}, "c": ["$model", 1]},
            [("a.b", "number"), ("c.0", "string"), ("c.1", "integer")],
        ),
        (Output(), {"*": "$inputs", "x": "$inputs.x", "y": "$value"}, [("y", "number")]),
        (Output(kind="multi_output", names=("u", "v")), None, [("prediction.u", "number"), ("prediction.v", "number")]),
        (Output(kind="multi_output"), None, [("prediction", "json")]),
        (Output(kind="json"), None, [("prediction", "json")]),
        (Output(kind="classification", labels=(1, "a")), "$label", [("prediction", "json")]),
    ],
)
def test_the_leaves_of_an_answer_are_its_columns(output: Output, template: Any, expected: Any) -> None:
    """A template becomes columns named by their path; what repeats an input is left out."""
    found = leaves_of(Signature(inputs=(), output=output), template)
    assert [(leaf.name, leaf.type) for leaf in found] == expected


def test_leaves_are_filled_from_answers() -> None:
    """A leaf that an answer lacks is empty; what is no scalar is JSON text."""
    leaves = leaves_of(Signature(inputs=(), output=Output(kind="json")), {"a": "$value", "b": "$model"})
    assert leaf_columns(leaves, [{"a": [1, 2], "b": "m"}, None, {"a": "t"}]) == [
        ["[1, 2]", None, "t"],
        ["m", None, None],
    ]
    assert column_names(["a", "b_2", "b"], leaves) == ["a_2", "b_3"]
