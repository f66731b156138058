"""Turns what an H2O server says of a model into a signature, or refuses by name what cannot be served."""

from dataclasses import dataclass
from typing import Any, Final

from gateway.child.faults import LoadError
from gateway.child.schema import Field, Output, Signature

_CLASSES: Final = ("Binomial", "Multinomial", "Ordinal")
_SERVED: Final = (*_CLASSES, "Regression")
_TYPES: Final = {"Numeric": "number", "Time": "number", "Enum": "string"}


@dataclass(frozen=True, slots=True)
class Description:
    """
    Hold what scoring needs: names and H2O's types of the columns, and the signature.

    `labels` are the classes as the server writes them.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    labels: tuple[str, ...]
    signature: Signature


def describe(model: dict[str, Any]) -> Description:
    """Read the server's description of a model; raises LoadError."""
    output = model["output"]
    category = output["model_category"]
    if category not in _SERVED:
        raise LoadError("unsupported-model", f"an H2O model of category {category}; served are: {', '.join(_SERVED)}")
    if output.get("original_names"):
        raise LoadError(
            "unsupported-model",
            "an H2O model with a categorical_encoding that renames its columns: train it with `auto`",
        )
    special = _special_columns(model)
    response = model["response_column_name"]
    domains = dict(zip(output["names"], output["domains"], strict=True))
    kinds = dict(zip(output["names"], output["column_types"], strict=True))
    names = [name for name in output["names"] if name not in {response, *special.values()}]
    offset = special.get("offset_column")
    unknown = sorted({kinds[name] for name in names} - set(_TYPES))
    if unknown:
        raise LoadError("unsupported-model", f"an H2O model of columns of type {', '.join(unknown)}")
    fields = [
        Field(
            name=name,
            type="number" if domains[name] is None else "string",
            enum=None if domains[name] is None else tuple(domains[name]),
            required=False,
            nullable=True,
        )
        for name in names
    ]
    if offset:
        fields.append(Field(name=offset, description="Offset added to the linear predictor."))
        names.append(offset)
    labels = tuple(domains[response]) if category in _CLASSES else ()
    answer = Output(kind="classification", labels=labels, probabilities=True) if labels else Output(kind="regression")
    types = tuple("Numeric" if domains.get(name) is None else "Enum" for name in names)
    return Description(tuple(names), types, labels, Signature(inputs=tuple(fields), output=answer))


def _special_columns(model: dict[str, Any]) -> dict[str, str]:
    """Return parameter -> name of the columns that are no features."""
    found = {}
    for one in model["parameters"]:
        if one["name"] in ("weights_column", "offset_column", "fold_column", "treatment_column"):
            value = one["actual_value"]
            name = value.get("column_name") if isinstance(value, dict) else value
            if name:
                found[one["name"]] = str(name)
    return found
