"""Reads the inputs of a DictVectorizer off the names of its columns: `plan=year` is a level, `months` a number."""

from typing import Any

from gateway.errors import LoadError
from gateway.loaders.sklearn_rows import Inputs
from gateway.schema import Field


def dict_inputs(vectorizer: Any) -> Inputs:
    """Return a field for each name that the dicts of training had."""
    separator = str(vectorizer.separator)
    levels: dict[str, list[str]] = {}
    for column in map(str, vectorizer.feature_names_):
        name, found, level = column.partition(separator)
        known = levels.setdefault(name, [])
        if found:
            known.append(level)
    numbers = {str(column) for column in vectorizer.feature_names_ if separator not in str(column)}
    mixed = sorted(name for name in numbers if levels[name])
    if mixed:
        raise LoadError(
            f"the DictVectorizer was fitted on texts and on numbers of '{mixed[0]}', no field of one type",
            code="unknown-inputs",
            hint="fit it again with one type for each name, or serve it with the python loader",
        )
    fields = tuple(
        Field(name=name, type="string", enum=tuple(found)) if found else Field(name=name)
        for name, found in levels.items()
    )
    return Inputs("dicts", fields, names_known=True)
