"""
The signature of a model elsewhere, from its metadata: columns or one table of them, and which output means what.

The protocol knows tensors and no meanings: labels, probabilities and values are told apart by shapes, by the labels
that the server or the registry names, and by nothing else. What stays unclear is refused by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.artifacts.remote_tensors import RemoteTensor, RemoteTensors
from gateway.codecs.v2_binary import BF16
from gateway.executors.oip_metadata import ToldTensor, told_tensors, unfit
from gateway.registry.spec import RouteSpec
from gateway.schema import Field, FieldType, Output, OutputKind, Scalar, Signature
from gateway.system.suggest import listing

_TWO: Final = 2


def signature_of(metadata: Mapping[str, Any], spec: RouteSpec) -> tuple[Signature, RemoteTensors]:
    """Return what a model takes and answers, and the tensors that carry it; raises LoadError `executor-metadata`."""
    fields, inputs, names_known = _inputs(told_tensors(metadata, "inputs"), spec)
    outputs = [one for one in told_tensors(metadata, "outputs") if one.name in (spec.outputs.use or (one.name,))]
    output, tensors = _outputs(outputs, spec)
    signature = Signature(inputs=fields, output=output, names_known=names_known)
    return signature, RemoteTensors(inputs=inputs, **tensors)


def _inputs(told: Sequence[ToldTensor], spec: RouteSpec) -> tuple[tuple[Field, ...], tuple[RemoteTensor, ...], bool]:
    if not told:
        raise unfit("it tells no inputs", "name them there; for MLServer: `inputs` of model-settings.json")
    for one in told:
        if one.datatype == BF16:
            raise unfit(f"input {one.name!r} is BF16, which no input of a route is")
    if len(told) == 1 and not told[0].is_column:
        (table,) = told
        width = table.width or len(spec.inputs)
        if not width:
            raise unfit(
                f"input {table.name!r} has columns that it does not count", "name them in `inputs` of the route"
            )
        fields = tuple(Field(name=f"x{place}", type=_type(table)) for place in range(width))
        return fields, (RemoteTensor(name=table.name, datatype=table.datatype, width=width),), False
    wide = [one.name for one in told if not one.is_column]
    if wide:
        raise unfit(f"input {listing(wide)} has several columns beside other inputs", "give each column a tensor there")
    fields = tuple(Field(name=one.name, type=_type(one)) for one in told)
    return fields, tuple(one.remote for one in told), True


def _type(told: ToldTensor) -> FieldType:
    if told.datatype == "BYTES":
        return "string"
    if told.datatype == "BOOL":
        return "boolean"
    return "number" if told.datatype.startswith("FP") else "integer"


def _outputs(told: Sequence[ToldTensor], spec: RouteSpec) -> tuple[Output, dict[str, Any]]:
    columns = [one for one in told if one.is_column]
    tables = [one for one in told if not one.is_column]
    named = spec.outputs.labels or ()
    labels = next((one.labels for one in told if one.labels), ())
    is_classes = bool(labels or named) or any(one.datatype == "BOOL" for one in columns)
    if len(columns) == 1 and not tables and not is_classes:
        return _value(columns[0])
    if is_classes and len(columns) <= 1 and len(tables) <= 1 and told:
        return _classes(columns, tables, labels, named)
    if len(tables) == 1 and not columns:
        return _table(tables[0], spec)
    if len(columns) > 1 and not tables:
        return _several(columns)
    raise unfit(
        f"what its outputs mean is not clear ({listing([one.name for one in told]) or 'there are none'})",
        "name the classes of the model in `outputs.labels`, or the outputs that are wanted in `outputs.use`",
    )


def _value(told: ToldTensor) -> tuple[Output, dict[str, Any]]:
    kind: OutputKind = "json" if told.datatype == "BYTES" else "regression"
    return Output(kind=kind), {"kind": kind, "values": (told.remote,)}


def _classes(
    columns: Sequence[ToldTensor], tables: Sequence[ToldTensor], told: tuple[Scalar, ...], named: tuple[Scalar, ...]
) -> tuple[Output, dict[str, Any]]:
    value = columns[0] if columns else None
    if value is not None and value.datatype == "BOOL" and not told:
        told = (False, True)
    labels = told or named
    chances = _chances(tables[0], labels) if tables else None
    is_chance = value is not None and not tables and value.datatype.startswith("FP") and not told
    if is_chance and len(labels) != _TWO:
        raise unfit(f"output {columns[0].name!r} is one number, and `outputs.labels` names {len(labels)} classes")
    on_wire = told or (_on_wire(value, named) if value is not None else ())
    output = Output(kind="classification", labels=labels, probabilities=is_chance or chances is not None)
    return output, {
        "kind": "classification",
        "values": () if value is None else (value.remote,),
        "probabilities": chances,
        "labels": on_wire if value is not None else (),
        "classes": len(labels),
        "is_chance": is_chance,
    }


def _on_wire(value: ToldTensor, named: Sequence[Scalar]) -> tuple[Scalar, ...]:
    """Return what a server that tells no labels answers for those of the registry; () for their places."""
    if value.datatype == "BYTES":
        return tuple(map(str, named))
    return tuple(named) if all(type(label) is int for label in named) else ()


def _chances(told: ToldTensor, labels: Sequence[Scalar]) -> RemoteTensor:
    if not told.datatype.startswith("FP"):
        raise unfit(f"output {told.name!r} is {told.datatype}, which is no probability")
    if told.width is not None and told.width != len(labels):
        raise unfit(
            f"output {told.name!r} has {told.width} probabilities for {len(labels)} labels",
            "name each class in `outputs.labels`, in the order of the server",
        )
    return RemoteTensor(name=told.name, datatype=told.datatype, width=len(labels))


def _table(told: ToldTensor, spec: RouteSpec) -> tuple[Output, dict[str, Any]]:
    names = spec.outputs.names or tuple(f"y{place}" for place in range(told.width or 0))
    if not names:
        raise unfit(
            f"output {told.name!r} has columns that it does not count",
            "name its classes in `outputs.labels`, or its numbers in `outputs.names`",
        )
    tensor = RemoteTensor(name=told.name, datatype=told.datatype, width=told.width or len(names))
    _must_be_numbers(told)
    return Output(kind="multi_output", names=names[: tensor.width]), {"kind": "multi_output", "values": (tensor,)}


def _several(told: Sequence[ToldTensor]) -> tuple[Output, dict[str, Any]]:
    for one in told:
        _must_be_numbers(one)
    output = Output(kind="multi_output", names=tuple(one.name for one in told))
    return output, {"kind": "multi_output", "values": tuple(one.remote for one in told)}


def _must_be_numbers(told: ToldTensor) -> None:
    if told.datatype == "BYTES":
        raise unfit(
            f"output {told.name!r} is text beside other outputs",
            "leave it out: name the outputs that are wanted in `outputs.use`",
        )
