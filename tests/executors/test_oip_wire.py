"""Columns and predictions as tensors: every type, missing values, limits of narrow datatypes, kinds of answers."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.artifacts.remote_tensors import RemoteTensor, RemoteTensors, tensors_of
from gateway.codecs import v2
from gateway.errors import InputError
from gateway.executors.oip_wire import AnswerError, decode, encode
from gateway.schema import MISSING, Column, Field, Output, Signature, make_column

TYPES: dict[str, tuple[list[Any], list[Any]]] = {
    # type -> values without and with a missing one
    "number": ([1.5, -0.0, 1e300], [1.5, MISSING, 2.0]),
    "integer": ([1, -(2**63), 2**63 - 1], [1, MISSING, 3]),
    "boolean": ([True, False, True], [True, MISSING, False]),
    "string": (["a", "", "ä€𝄞"], ["a", MISSING, "c"]),
}


def arrived(tensors: RemoteTensors, *columns: Column, binary: bool) -> list[list[Any]]:
    """Return the values of each tensor as the server that receives them reads them; null and NaN are None."""
    head, raw = encode(tensors, columns, binary=binary)
    request = v2.decode(head + b"".join(raw), len(head))
    return [
        [None if value is None or value != value else value for value in _listed(one.values)] for one in request.inputs
    ]


def _listed(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def inputs(*tensors: RemoteTensor) -> RemoteTensors:
    """Return tensors of a request."""
    return RemoteTensors(inputs=tensors, values=(RemoteTensor(name="p", datatype="FP64"),))


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("has_missing", [True, False])
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_arrives(kind: Any, has_missing: bool, binary: bool) -> None:
    """Values and missing values of every type are on the other side what they were, beside a tensor of numbers."""
    given = TYPES[kind][has_missing]
    signature = Signature(inputs=(Field(name="x", type=kind), Field(name="y")), output=Output())
    columns = make_column(kind, given), make_column("number", [1.0, 2.0, 3.0])
    found = arrived(tensors_of(signature), *columns, binary=binary)
    assert found == [[None if value != value else value for value in given], [1.0, 2.0, 3.0]]


def test_texts_may_go_as_json_beside_raw_numbers() -> None:
    """What our own servers are sent; half a surrogate pair, which JSON has not, goes raw as its escape."""
    signature = Signature(inputs=(Field(name="x", type="string"), Field(name="y")), output=Output(kind="json"))
    for texts, is_raw in ((["a", "ä€𝄞\n\0"], False), (["a", "\ud800"], True)):
        columns = make_column("string", texts), make_column("number", [1.0, MISSING])
        head, raw = encode(tensors_of(signature), columns, binary=True, texts_as_json=True)
        request = v2.decode(head + b"".join(raw), len(head))
        assert [list(map(str, one.values)) for one in request.inputs] == [
            [text.encode("utf-8", "backslashreplace").decode() for text in texts],
            ["1.0", "nan"],
        ]
        assert (len(raw) == 2) == is_raw
        assert (b"binary_data" in head.partition(b'"outputs"')[2]) == is_raw


@pytest.mark.parametrize("binary", [True, False])
def test_columns_side_by_side(binary: bool) -> None:
    """A tensor of several columns holds them row by row, numbers or texts."""
    columns = [make_column("number", [1, 2]), make_column("integer", [3, 4]), make_column("boolean", [True, False])]
    table = inputs(RemoteTensor(name="x", datatype="FP32", width=3))
    assert arrived(table, *columns, binary=binary) == [[1, 3, 1, 2, 4, 0]]
    texts = [make_column("string", ["a", "b"]), make_column("string", ["c", "d"])]
    assert arrived(inputs(RemoteTensor(name="x", datatype="BYTES", width=2)), *texts, binary=binary) == [
        ["a", "c", "b", "d"]
    ]


@pytest.mark.parametrize(
    ("datatype", "values"),
    [("FP32", [0.0, 1e39]), ("FP16", [0.0, 1e6]), ("INT8", [0, 128]), ("UINT8", [0, -1]), ("INT64", [0.0, 0.5]),
     ("INT64", [0.0, float(2**63)]), ("UINT64", [0.0, -1.0])],
)  # fmt: skip
@pytest.mark.parametrize("binary", [True, False])
def test_what_a_narrow_datatype_cannot_hold_is_refused(datatype: str, values: list[Any], binary: bool) -> None:
    """No value is wrapped, cut or made infinite on its way; the row is named."""
    with pytest.raises(InputError) as caught:
        encode(inputs(RemoteTensor(name="x", datatype=datatype)), [np.array(values)], binary=binary)
    assert caught.value.faults[0].row == 1


def output(*tensors: tuple[str, str, list[int], list[Any]]) -> bytes:
    """Return an answer in JSON."""
    return msgspec.json.encode(
        {"outputs": [dict(zip(("name", "datatype", "shape", "data"), one, strict=True)) for one in tensors]}
    )


CHANCES = RemoteTensor(name="c", datatype="FP32", width=2)


@pytest.mark.parametrize(
    ("tensors", "body", "values", "chances"),
    [
        ({}, output(("p", "FP32", [2, 1], [[1.5], [None]])), [1.5, math.nan], None),
        ({}, output(("p", "INT64", [2], [1, 2])), [1.0, 2.0], None),
        ({"kind": "classification"}, output(("p", "INT64", [2], [1, 0])), [1, 0], None),
        ({"kind": "classification", "labels": ("no", "yes")}, output(("p", "BYTES", [2], ["yes", "no"])), [1, 0], None),
        ({"kind": "classification", "labels": (7, 3)}, output(("p", "FP64", [2], [3.0, 7.0])), [1, 0], None),
        ({"kind": "classification", "labels": (False, True)}, output(("p", "BOOL", [2], [True, False])), [1, 0], None),
        ({"kind": "classification", "values": (), "probabilities": CHANCES},
         output(("c", "FP32", [2, 2], [[0.25, 0.75], [0.5, 0.5]])), [1, 0], [[0.25, 0.75], [0.5, 0.5]]),
        ({"kind": "classification", "is_chance": True}, output(("p", "FP32", [2, 1], [0.75, 0.5])),
         [1, 0], [[0.25, 0.75], [0.5, 0.5]]),
        ({"kind": "multi_output", "values": (RemoteTensor(name="p", datatype="FP64"), RemoteTensor(name="q", datatype="FP64"))},
         output(("q", "FP64", [2], [3, 4]), ("p", "FP64", [2], [1, 2])), [[1.0, 3.0], [2.0, 4.0]], None),
        ({"kind": "multi_label", "values": (RemoteTensor(name="p", datatype="INT64", width=2),)},
         output(("p", "INT64", [2, 2], [1, 0, 0, 1])), [[1, 0], [0, 1]], None),
        ({"kind": "json", "is_json": True}, output(("p", "BYTES", [2], ['{"a":1}', '"x"'])), [{"a": 1}, "x"], None),
        ({"kind": "json"}, output(("p", "BYTES", [2], ["a", "b"])), ["a", "b"], None),
    ],
)  # fmt: skip
def test_every_kind_of_answer(tensors: dict[str, Any], body: bytes, values: Any, chances: Any) -> None:
    """Values, classes by label or place, probabilities, several outputs and JSON become predictions."""
    told = RemoteTensors(
        **{"inputs": (), "values": (RemoteTensor(name="p", datatype="FP64"),)} | _fitting(tensors, body)
    )
    found = decode(told, body, None, 2)
    np.testing.assert_equal(list(map(_plain, found.values)), values)
    np.testing.assert_equal(None if found.probabilities is None else found.probabilities.tolist(), chances)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _fitting(tensors: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Let the metadata say BYTES where the answer does."""
    return {"values": (RemoteTensor(name="p", datatype="BYTES"),)} | tensors if b"BYTES" in body else tensors


@pytest.mark.parametrize(
    ("tensors", "body", "part"),
    [
        ({"labels": ("no", "yes")}, output(("p", "BYTES", [1], ["maybe"])), "label that the model has not"),
        ({"classes": 2}, output(("p", "INT64", [1], [2])), "no class"),
        ({"classes": 2}, output(("p", "FP64", [1], [0.5])), "no class"),
        ({"classes": 2}, output(("p", "INT64", [1], [None])), "no class"),
        ({"probabilities": CHANCES}, output(("p", "INT64", [1], [1]), ("c", "FP32", [1, 3], [0, 0, 1])), "shape"),
        ({"kind": "json", "is_json": True}, output(("p", "BYTES", [1], ["{"])), "no JSON"),
        ({}, output(("p", "INT64", [1, 1, 1], [1])), "shape"),
        ({}, output(("p", "WORDS", [1], [1])), "no known datatype"),
        ({}, output(("p", "INT64", [1], [[1, 2]])), "2 elements"),
        ({}, b'{"outputs": {"p": 1}}', "no answer"),
        ({}, b'{"outputs": [', "cannot be read"),
        ({}, b'{"outputs": ' + b"[" * 5000, "no answer"),
    ],
)  # fmt: skip
def test_answers_that_cannot_be(tensors: dict[str, Any], body: bytes, part: str) -> None:
    """An answer beside its metadata, or beside the protocol, is none."""
    given = {"inputs": (), "kind": "classification", "values": (RemoteTensor(name="p", datatype="INT64"),)}
    with pytest.raises(AnswerError, match=part):
        decode(RemoteTensors(**given | _fitting(tensors, body)), body, None, 1)
