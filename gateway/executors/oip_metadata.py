"""What a server of the Open Inference Protocol tells of its model, read with care; and whether it still is the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.artifacts.remote_tensors import RemoteTensor, RemoteTensors
from gateway.codecs.v2_binary import DATATYPES
from gateway.errors import LoadError
from gateway.schema import Scalar

_MOST_TENSORS: Final = 100_000
_TABLE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTensor:
    """
    Describe a tensor as metadata do.

    `width` is 0 for one value a row ([n]), k for k of them ([n, k]), and None where only the server knows k.
    """

    name: str
    datatype: str
    width: int | None = 0
    labels: tuple[Scalar, ...] = ()

    @property
    def is_column(self) -> bool:
        """Say whether it has one value for each row."""
        return self.width in {0, 1}

    @property
    def remote(self) -> RemoteTensor:
        """Return it as a manifest names it."""
        return RemoteTensor(name=self.name, datatype=self.datatype, width=self.width or 0)


def told_tensors(metadata: Mapping[str, Any], key: str) -> tuple[ToldTensor, ...]:
    """Return the `inputs` or `outputs` of a model's metadata; raises LoadError `executor-metadata` with every fault."""
    found = metadata.get(key)
    if not isinstance(found, list) or len(found) > _MOST_TENSORS:
        raise unfit(f"its metadata list no {key}")
    told, faults = [], []
    for one in found:
        try:
            told.append(_told(one))
        except ValueError as error:
            faults.append(f"{key[:-1]} {_name(one)}: {error}")
    if faults:
        raise unfit("; ".join(faults[:10]))
    return tuple(told)


def unfit(what: str, hint: str = "") -> LoadError:
    """Return the error of metadata that cannot be served from."""
    hint = hint or "compare it with GET /v2/models/<model> of the server"
    return LoadError(f"the server of this model does not fit: {what}", code="executor-metadata", hint=hint)


def changes(tensors: RemoteTensors, metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a server tells otherwise than when its model was prepared; further outputs are no change."""
    inputs = {told.name: told for told in told_tensors(metadata, "inputs")}
    outputs = {told.name: told for told in told_tensors(metadata, "outputs")}
    for what, wanted, told in (("input", tensors.inputs, inputs), ("output", tensors.outputs, outputs)):
        for tensor in wanted:
            now = told.get(tensor.name)
            if now is None:
                yield f"{what} {tensor.name!r} is gone"
            elif now.datatype != tensor.datatype:
                yield f"{what} {tensor.name!r} is {now.datatype} and was {tensor.datatype}"
            elif now.width is not None and now.width != tensor.width:
                yield f"{what} {tensor.name!r} has {now.width or 1} columns and had {tensor.width or 1}"
    for name in sorted(inputs.keys() - {tensor.name for tensor in tensors.inputs}):
        yield f"input {name!r} is new"


def must_fit(tensors: RemoteTensors, metadata: Mapping[str, Any]) -> None:
    """Raise LoadError `executor-metadata` where a server serves another model than the one that was prepared."""
    found = list(changes(tensors, metadata))
    if found:
        raise unfit("; ".join(found[:10]), "put the model back, or take the new one: gateway reload")


def _told(one: Any) -> ToldTensor:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        raise ValueError("it has no name")
    datatype, shape = one.get("datatype"), one.get("shape")
    if datatype not in DATATYPES:
        raise ValueError(f"{str(datatype)[:40]!r} is no datatype of the protocol")
    if not isinstance(shape, list) or not shape or not all(type(size) is int for size in shape):
        raise ValueError("it has no shape")
    if shape[0] != -1 or len(shape) > _TABLE:
        raise ValueError(f"shape {shape} is not one row after another ([-1] or [-1, k])")
    width = 0 if len(shape) == 1 else shape[1] if shape[1] > 0 else None
    return ToldTensor(name=one["name"], datatype=datatype, width=width, labels=_labels(one.get("parameters")))


def _labels(parameters: Any) -> tuple[Scalar, ...]:
    """Return the labels that a gateway tells of a tensor of probabilities, as JSON text."""
    text = parameters.get("labels") if isinstance(parameters, dict) else None
    try:
        found = json.loads(text) if isinstance(text, str) else ()
    except ValueError:
        return ()
    return tuple(found) if all(isinstance(label, str | int | float) for label in found) else ()


def _name(one: Any) -> str:
    return repr(str(one.get("name"))[:80]) if isinstance(one, dict) else "?"
