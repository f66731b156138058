"""A request that says the same as one before is read by what that one said: equal columns, equal faults."""

import json
from typing import Any

import numpy as np
import pytest

from gateway.child.faults import ChildError
from gateway.child.request_plans import RequestPlans
from gateway.child.schema import Field
from gateway.child.tensors import DTYPES, columns_of, parse_json

INPUTS = (Field(name="a"), Field(name="n", type="integer"), Field(name="b", type="boolean"))
NUMBERS = (Field(name="a"), Field(name="b"))


def request(*tensors: tuple[str, str, Any], rows: int, **more: Any) -> tuple[bytes, bytes]:
    """Return JSON and raw bytes of a request."""
    raw = [np.asarray(values).astype(DTYPES[datatype]).tobytes() for _, datatype, values in tensors]
    inputs = [
        {"name": name, "datatype": datatype, "shape": [rows], "parameters": {"binary_data_size": len(part)}}
        for (name, datatype, _), part in zip(tensors, raw, strict=True)
    ]
    return json.dumps({"inputs": inputs, **more}).encode(), b"".join(raw)


def told(columns: list[Any]) -> list[tuple[str, list[Any]]]:
    """Return type and values of columns."""
    return [(column.dtype.str, column.tolist()) for column in columns]


@pytest.mark.parametrize("integer", ["INT64", "UINT8", "FP32"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_columns_are_those_of_the_first_reading(integer: str, order: tuple[int, ...]) -> None:
    """Every type, in any order; other values under the same JSON are other values, and may be changed."""
    plans = RequestPlans(INPUTS)
    for start in (0.0, 1.5, 3.0):
        tensors = ("a", "FP64", [start, np.nan]), ("n", integer, [1 + start // 2, 2]), ("b", "BOOL", [start == 0, True])
        head, raw = request(*(tensors[i] for i in order), rows=2)
        asked, columns, rows = plans.read(head, raw)
        expected, count = columns_of(parse_json(head), raw, INPUTS)
        assert (repr(told(columns)), rows, asked) == (repr(told(expected)), count, parse_json(head))
        assert all(column.flags.writeable for column in columns)
    assert len(plans._plans) == 1


def test_a_table_of_floats_is_read_at_once() -> None:
    """The usual request: columns one after the other; another number of rows is another plan."""
    plans = RequestPlans(NUMBERS)
    for rows in (1, 3, 1, 3):
        values = np.random.default_rng(rows).normal(size=(2, rows))
        head, raw = request(("a", "FP64", values[0]), ("b", "FP64", values[1]), rows=rows)
        assert [column.tolist() for column in plans.read(head, raw)[1]] == values.tolist()
    assert len(plans._plans) == 2


def test_what_is_no_raw_number_or_has_an_id_is_read_anew_and_lies_are_refused_as_ever() -> None:
    """JSON values, an id, and bytes that are fewer or more than the JSON says."""
    plans = RequestPlans(NUMBERS)
    head, raw = request(("a", "FP64", [1.0]), ("b", "FP64", [2.0]), rows=1)
    plans.read(head, raw)
    for wrong in (raw[:-1], raw + b"\0", b""):
        with pytest.raises(ChildError):
            plans.read(head, wrong)
    plans.read(*request(("a", "FP64", [1.0]), ("b", "FP64", [2.0]), rows=1, id="1"))
    plain = {"inputs": [{"name": name, "datatype": "FP64", "shape": [1], "data": [1.0]} for name in "ab"]}
    plans.read(json.dumps(plain).encode(), b"")
    assert len(plans._plans) == 1
    for i in range(1_000):
        plans.read(head + b" " * i, raw)
    assert len(plans._plans) <= 128
