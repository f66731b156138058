"""
Answers of a graph with several outputs: one value, or one list of numbers, for each row and output.

Refuses by name each output that is no such thing, and tells how to serve the others.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.errors import LoadError
from gateway.schema import FieldType, Output, OutputPart, Predictions

SCORE_TYPES: Final = frozenset({"tensor(float)", "tensor(double)", "tensor(float16)"})
_WHOLE: Final = frozenset(f"tensor({sign}int{bits})" for sign in ("", "u") for bits in (8, 16, 32, 64))
_TYPES: Final[dict[str, FieldType]] = {
    **dict.fromkeys(SCORE_TYPES, "number"),
    **dict.fromkeys(_WHOLE, "integer"),
    "tensor(bool)": "boolean",
    "tensor(string)": "string",
}
#: Dimensions of rows by columns.
_TABLE: Final = 2


def of_one(node: Any, samples: Sequence[list[Any]]) -> Output:
    """Return the answer of a graph with one output: a number, or the columns of a table as outputs."""
    part = _part(node, 0, samples)
    if isinstance(part, str):
        raise _refused([part], [])
    if part.type in {"number", "boolean"} or node.type == "tensor(int32)":
        if not part.width:
            return Output(kind="regression")
        return Output(kind="multi_output", names=tuple(f"y{i}" for i in range(part.width)))
    names = tuple(f"y{i}" for i in range(part.width or 1))
    return Output(kind="multi_output", names=names, parts=(OutputPart(type=part.type),) * len(names))


def parts_of(nodes: Sequence[Any], samples: Sequence[list[Any]]) -> Output:
    """Return several outputs by their names in the graph; raises LoadError for those that cannot be answered."""
    found = [_part(node, at, samples) for at, node in enumerate(nodes)]
    faults = [fault for fault in found if isinstance(fault, str)]
    if faults:
        raise _refused(faults, [node.name for node, one in zip(nodes, found, strict=True) if not isinstance(one, str)])
    parts = tuple(part for part in found if not isinstance(part, str))
    return Output(kind="multi_output", names=tuple(node.name for node in nodes), parts=parts)


def _part(node: Any, at: int, samples: Sequence[list[Any]]) -> OutputPart | str:
    """Return what an output answers for each row, or why it cannot be answered."""
    shapes = [np.shape(sample[at]) for sample in samples if isinstance(sample[at], np.ndarray)]
    shape = list(shapes[-1]) if shapes else list(node.shape or ())
    told = f"{node.name!r} ({node.type}{f' of shape {shape}' if shape else ''})"
    kind = _TYPES.get(node.type)
    if kind is None:
        return f"{told} is no tensor of numbers, texts or booleans"
    if len(shape) > _TABLE:
        return f"{told} holds a table for each row"
    if not shape or (len(shapes) > 1 and any(found[0] != len_ for found, len_ in zip(shapes, _SIZES, strict=False))):
        return f"{told} does not hold one row for each instance"
    width = shape[1] if len(shape) == _TABLE else 1
    if not isinstance(width, int) or width < 1:
        return f"{told} does not tell how many numbers a row has"
    return OutputPart(type=kind, width=0 if width == 1 else width)


#: Rows of the samples that outputs are tried on.
_SIZES: Final = (1, 3)
SEVERAL: Final = _SIZES[1]


def _refused(faults: Sequence[str], others: Sequence[str]) -> LoadError:
    use = json.dumps(list(others), ensure_ascii=False)
    return LoadError(
        f"the graph cannot be answered whole: {'; '.join(faults)}",
        code="partial-answer",
        hint=f"answer the others: outputs: {{use: {use}}} in the registry"
        if others
        else "export it with one row of numbers per instance: reshape the output to (rows, columns)",
    )


def read_parts(output: Output, found: Sequence[Any], size: int) -> Predictions:
    """Return the values (rows, outputs) of a graph: Python values, and lists where an output has several numbers."""
    arrays = [np.asarray(one) for one in found]
    if len(arrays) == 1 and len(output.names) > 1:  # the columns of one table are the outputs
        return Predictions(arrays[0])
    values: npt.NDArray[Any] = np.empty((size, len(arrays)), dtype=object)
    for at, (array, part) in enumerate(zip(arrays, output.parts, strict=True)):
        rows = array.reshape(size, -1).tolist() if part.width else array.reshape(size).tolist()
        for row, value in enumerate(rows):
            values[row, at] = value
    return Predictions(values)
