"""The Open Inference Protocol's codec: every datatype survives the wire, and no bytes break it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs import mlflow, v2, v2_outputs, v2_specs, v2_tables
from gateway.codecs.v2_binary import DTYPES, read_raw, write_raw
from gateway.errors import InputError
from gateway.schema import Field, Output, OutputPart, Signature

SIGNATURE = Signature(
    inputs=(
        Field(name="age", type="integer"),
        Field(name="weight", nullable=True, aliases=("kg",)),
        Field(name="name", type="string"),
        Field(name="member", type="boolean"),
    ),
    output=Output(kind="classification", labels=("no", "yes"), probabilities=True),
)
NUMBERS = Signature(inputs=(Field(name="a"), Field(name="b")), output=Output())


@pytest.mark.parametrize("datatype", DTYPES)
def test_numbers_survive_the_wire(datatype: str) -> None:
    """The raw bytes of a tensor read back as the values that were written, for every datatype."""
    values = [True, False, True] if datatype == "BOOL" else [0, 1, 100]
    raw = write_raw(datatype, values)
    assert len(raw) == 3 * DTYPES[datatype].itemsize
    assert np.asarray(read_raw(datatype, 3, memoryview(raw), "$")).tolist() == values


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_survive_the_wire(texts: list[str]) -> None:
    """Any texts, empty ones and those with any character too, read back from BYTES."""
    assert read_raw("BYTES", len(texts), memoryview(write_raw("BYTES", texts)), "$") == texts


def test_missing_numbers_are_nan_in_raw_bytes() -> None:
    """A null among numbers is NaN in the raw form."""
    assert np.isnan(np.frombuffer(write_raw("FP64", [1.0, None]), "<f8")).tolist() == [False, True]


@given(st.integers(0, 5), st.binary(max_size=40))
def test_raw_noise_is_refused(count: int, raw: bytes) -> None:
    """Bytes that are not exactly so many texts are an InputError, never another one."""
    try:
        found = read_raw("BYTES", count, memoryview(raw), "$")
    except InputError:
        return
    assert write_raw("BYTES", list(found)) == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "id", "binary_data_size", "columns",
         "dataframe_split", "dataframe_records", "instances", "params", "a", "b"]) , inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
TENSOR = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "x"]), "shape": JSON, "datatype": st.sampled_from([*DTYPES, "BYTES", "BF16"])},
    optional={"data": JSON, "parameters": JSON},
)


@given(JSON | st.fixed_dictionaries({"inputs": st.lists(TENSOR, max_size=3)}), st.binary(max_size=20))
def test_no_request_breaks_the_codec(value: Any, raw: bytes) -> None:
    """Whatever a client sends is a table of the model or an InputError."""
    head = json.dumps(value).encode()
    try:
        request = v2.decode(head + raw, len(head))
        names, columns = v2_tables.table_of(request, NUMBERS)
    except InputError:
        return
    assert len({len(column) for column in columns}) == 1
    assert len(names) == len(columns)


@given(JSON)
def test_no_body_breaks_the_mlflow_codec(value: Any) -> None:
    """Whatever a client sends is a list of instances or an InputError."""
    try:
        decoded = mlflow.decode(json.dumps(value).encode(), NUMBERS)
    except InputError:
        return
    assert len(decoded.instances) > 0


def test_columns_become_the_types_of_their_fields() -> None:
    """NaN is missing where it may be, 0 and 1 are booleans for a boolean, aliases are names."""
    tensors = (
        v2.Tensor("age", "INT32", (2,), np.array([1, 2], "<i4")),
        v2.Tensor("kg", "FP32", (2, 1), np.array([np.nan, 2], "<f4")),
        v2.Tensor("name", "BYTES", (2,), ["x", None]),
        v2.Tensor("member", "UINT8", (2,), np.array([0, 1], "u1")),
    )
    names, columns = v2_tables.table_of(v2.InferRequest(tensors), SIGNATURE)
    assert names == ["age", "kg", "name", "member"]
    assert columns == [[1, 2], [None, 2.0], ["x", None], [False, True]]


def test_one_tensor_is_split_by_position() -> None:
    """An [n, k] tensor under any name is k columns in positional order."""
    tensor = v2.Tensor("whatever", "FP64", (2, 2), np.array([1.0, 2.0, 3.0, 4.0]))
    assert v2_tables.table_of(v2.InferRequest((tensor,)), NUMBERS) == (["a", "b"], [[1.0, 3.0], [2.0, 4.0]])


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output(), [("prediction", "FP64", (-1,))]),
        (Output(kind="classification", labels=(1, 2)), [("prediction", "INT64", (-1,))]),
        (Output(kind="classification", labels=(True, False)), [("prediction", "BOOL", (-1,))]),
        (Output(kind="classification", labels=("a", 1)), [("prediction", "BYTES", (-1,))]),
        (Output(kind="multi_output"), [("prediction", "FP64", (-1, -1))]),
        (Output(kind="multi_output", names=("x", "y")), [("x", "FP64", (-1,)), ("y", "FP64", (-1,))]),
        (
            Output(kind="multi_label", names=("x", "y"), probabilities=True),
            [("x", "INT64", (-1,)), ("y", "INT64", (-1,)), ("probabilities", "FP64", (-1, 2))],
        ),
        (
            Output(
                kind="multi_output",
                names=("x", "y", "z"),
                parts=(
                    OutputPart(type="string", labels=("a", "b", "c"), probabilities=True),
                    OutputPart(type="boolean"),
                    OutputPart(width=2),
                ),
            ),
            [("x", "BYTES", (-1,)), ("x.probabilities", "FP64", (-1, 3)), ("y", "BOOL", (-1,)), ("z", "FP64", (-1, 2))],
        ),
        (Output(kind="json"), [("prediction", "BYTES", (-1,))]),
    ],
)
def test_outputs_have_the_datatype_of_what_is_answered(output: Output, expected: list[Any]) -> None:
    """Labels keep their JSON type on the wire; each of several outputs is a tensor of its name."""
    specs = v2_specs.output_specs(Signature(inputs=(), output=output))
    assert [(spec.name, spec.datatype, spec.shape) for spec in specs] == expected


def test_all_outputs_of_one_type_are_one_matrix_where_a_request_names_it() -> None:
    """`prediction` is what clients of several outputs asked for before these had tensors of their own."""
    several = Signature(inputs=(), output=Output(kind="multi_output", names=("x", "y")))
    request = v2.InferRequest((), (v2.Wanted("prediction", False), v2.Wanted("y", False)))
    found = v2_outputs.chosen(request, v2_specs.output_specs(several), v2_specs.joined_specs(several))
    assert [(spec.name, spec.shape) for spec, _ in found] == [("prediction", (-1, 2)), ("y", (-1,))]
    mixed = Output(kind="multi_output", names=("x",), parts=(OutputPart(type="string"),))
    assert not v2_specs.joined_specs(Signature(inputs=(), output=mixed))


def test_a_map_of_outputs_is_a_row_of_the_matrix() -> None:
    """Named outputs go out as rows in the order of their names, raw and as JSON."""
    spec = v2_specs.TensorSpec("prediction", "FP64", (-1, 2), ("x", "y"))
    shown, _ = v2_outputs.output_tensor(spec, [{"x": 1.0, "y": None}], binary=False)
    assert (shown["shape"], shown["data"]) == ([1, 2], [1.0, None])
    assert [one["name"] for one in v2_outputs.as_columns(shown, spec.labels)] == ["prediction.x", "prediction.y"]
    _, raw = v2_outputs.output_tensor(spec, [{"x": 1.0, "y": 2.0}], binary=True)
    assert np.frombuffer(raw).tolist() == [1.0, 2.0]
