"""
Compares the signature in an MLflow folder with that of its model, and takes from it what the model does not say.

The model decides what it takes; MLflow's signature gives names, examples and the meaning of true and false, and is
refused where both contradict each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gateway.errors import LoadError
from gateway.loaders.mlflow_folder import MlflowFolder
from gateway.own_output import OwnParam
from gateway.schema import Field, Output, Scalar, Signature
from gateway.system.suggest import listing

_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})
_WHOLE: Final = frozenset({"integer", "long"})
_TWO: Final = 2
#: What Booster.predict and the wrappers of XGBoost take, and changes their answers.
_ACTING: Final = frozenset(
    {
        "approx_contribs", "base_margin", "iteration_range", "ntree_limit", "output_margin", "pred_contribs",
        "pred_interactions", "pred_leaf", "strict_shape", "training",
    }
)  # fmt: skip


def with_told(found: Signature, folder: MlflowFolder) -> Signature:
    """Return the signature of a model with what its folder adds; raises LoadError `mlflow-signature`."""
    inputs, names_known = found.inputs, found.names_known
    columns = [one for one in folder.inputs if one.get("type") != "tensor"]
    if len(columns) == len(folder.inputs) and columns:
        inputs, names_known = _named(found, columns)
        inputs = tuple(_typed(one, columns) for one in inputs)
    elif len(folder.inputs) == 1:
        _check_width(found, folder.inputs[0])
    inputs = tuple(_with_example(one, i, folder.example) for i, one in enumerate(inputs))
    output = replace(_output(found.output, folder), own_params=tuple(_params(folder)))
    if output.own == "named" and folder.inputs:
        # MLflow makes a data frame of what has columns, and an array of what is a tensor.
        output = replace(output, own_as_frame=bool(columns))
    return replace(found, inputs=inputs, names_known=names_known, output=output)


def _named(found: Signature, columns: Sequence[Mapping[str, Any]]) -> tuple[tuple[Field, ...], bool]:
    """Return the fields, under MLflow's names where the model has none."""
    names = [one.get("name") for one in columns]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        if len(names) != len(found.inputs):
            raise _unfit(f"{len(names)} columns, the model takes {len(found.inputs)}")
        return found.inputs, found.names_known
    if not found.names_known:
        if len(names) != len(found.inputs):
            raise _unfit(f"{len(names)} columns, the model takes {len(found.inputs)}")
        pairs = zip(found.inputs, names, strict=True)
        return tuple(replace(field, name=str(name)) for field, name in pairs), True
    absent = [name for name in found.names if name not in names]
    strange = [str(name) for name in names if name not in found.names and name not in found.trained_on]
    if absent or strange:
        raise _unfit(f"{listing(map(str, names), 'and')}, the model takes {listing(found.names, 'and')}")
    return found.inputs, True


def _typed(field: Field, columns: Sequence[Mapping[str, Any]]) -> Field:
    told = next((str(one.get("type")) for one in columns if one.get("name") == field.name), "")
    if told == "string" and field.type != "string":
        raise _unfit(f"text in '{field.name}', where the model takes a {field.type}")
    if told in _NUMBERS and field.type == "string" and not _takes_number(field, told):
        raise _unfit(f"a number in '{field.name}', where the model takes text")
    if told == "boolean" and field.type == "number":
        return replace(field, booleans_as_numbers=True)
    return field


def _takes_number(field: Field, told: str) -> bool:
    if field.enum is not None:
        return any(str(level).lstrip("-").isdigit() for level in field.enum)
    return field.takes_integers and told in _WHOLE


def _check_width(found: Signature, told: Mapping[str, Any]) -> None:
    spec = told.get("tensor-spec")
    shape = spec.get("shape") if isinstance(spec, dict) else None
    width = shape[1] if isinstance(shape, list) and len(shape) == _TWO else None
    if isinstance(width, int) and width > 0 and width != len(found.inputs):
        raise _unfit(f"{width} columns, the model takes {len(found.inputs)}")


def _with_example(field: Field, at: int, example: Mapping[str, Any] | tuple[Any, ...]) -> Field:
    given: Any = dict(enumerate(example)) if isinstance(example, tuple) else example
    value: Any = given.get(at if isinstance(example, tuple) else field.name)
    return replace(field, examples=(value,)) if _fits(field, value) else field


def _fits(field: Field, value: Any) -> bool:
    known: tuple[Scalar, ...] = field.enum or ()
    if type(value) is str:
        return field.type == "string" and bool(value) and (not known or value in known)
    if type(value) is int or (type(value) is float and value == value):  # noqa: PLR0124 - NaN is missing
        return not known and (field.type == "number" or (field.type == "integer" and value == int(value)))
    return False


def _output(found: Output, folder: MlflowFolder) -> Output:
    """Return the output with MLflow's names, and what MLflow's own predict would answer."""
    names = [str(one["name"]) for one in folder.outputs if isinstance(one.get("name"), str)]
    if found.kind == "multi_output" and len(names) == len(found.names) == len(set(names)) and _is_numbered(found):
        found = replace(found, names=tuple(names))
    if (
        folder.flavour == "xgboost"
        and found.kind == "classification"
        and found.probabilities
        and not _is_wrapper(folder)
    ):
        return replace(found, own="probability" if len(found.labels) == _TWO else "probabilities")
    if folder.flavour == "catboost" and found.kind == "classification" and folder.keys.get("model_type") == "CatBoost":
        return replace(found, own_differs="MLflow answers the raw values of the formula, this route labels")
    asked = str(folder.pyfunc.get("predict_fn", "predict"))
    if asked == "predict" or found.own_differs:
        return found
    if asked == "predict_proba" and found.kind == "classification" and found.probabilities:
        return replace(found, own="probabilities")
    return replace(found, own_differs=f"MLflow answers what {asked[:40]} of the model answers")


def _params(folder: MlflowFolder) -> Iterator[OwnParam]:
    """Yield the params that the folder declares; of the flavours that are served only XGBoost's hands any on."""
    for one in folder.params:
        if isinstance(name := one.get("name"), str):
            acts = folder.flavour == "xgboost" and name in _ACTING
            yield OwnParam(name, str(one.get("type", "")), one.get("shape") is not None, one.get("default"), acts)


def _is_wrapper(folder: MlflowFolder) -> bool:
    return str(folder.keys.get("model_class", "")).startswith("xgboost.sklearn.")


def _is_numbered(found: Output) -> bool:
    return found.names == tuple(f"y{i}" for i in range(len(found.names)))


def _unfit(what: str) -> LoadError:
    return LoadError(
        f"the MLflow signature says {what}",
        code="mlflow-signature",
        hint="save it again with the signature of this model (infer_signature), or name the file of the model in the "
        "folder: it is then served by what it says itself",
    )
