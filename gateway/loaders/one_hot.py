"""
Lets a request send one field for the columns that `pandas.get_dummies` made of it: `location` for `location_*`.

Works on the predictor of any loader whose columns have names; the levels are read off these names.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.errors import RegistryError
from gateway.schema import Column, Field, Predictions, Predictor, Signature
from gateway.system.suggest import did_you_mean, listing

_DIGITS: Final = re.compile(r"0|-?[1-9]\d*")


@dataclass(frozen=True, slots=True)
class OneHot:
    """Say which columns are one field: `location_*`; `base` is the level whose column was dropped, None: none was."""

    pattern: str
    base: str | None = None

    def level_of(self, column: str) -> str | None:
        """Return the level that a column stands for; None: it is none of these columns."""
        before, _, after = self.pattern.partition("*")
        is_one = column.startswith(before) and column.endswith(after) and len(column) > len(before) + len(after)
        return column[len(before) : len(column) - len(after)] if is_one else None


class OneHotPredictor:
    """Ask a predictor with the columns of dummies that the levels in a request stand for."""

    def __init__(self, predictor: Predictor, groups: Mapping[str, OneHot]) -> None:
        self.original = predictor
        self.warnings: tuple[str, ...] = tuple(getattr(predictor, "warnings", ()))
        self.skew: Any = getattr(predictor, "skew", None)
        self._columns = predictor.signature.inputs
        self._levels = _levels(predictor.signature, groups)
        inputs = _grouped(self._columns, self._levels, groups)
        self.signature = Signature(inputs=inputs, output=predictor.signature.output)
        self._own = {column for levels in self._levels.values() for column in levels}
        self._places = {field.name: place for place, field in enumerate(inputs)}
        group_of = {column: name for name, levels in self._levels.items() for column in levels}
        #: The place of the field that each column of the original is made of.
        self.owners = [self._places[group_of.get(column.name, column.name)] for column in self._columns]

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        return self.original.predict(self.expanded(columns))

    def expanded(self, columns: Sequence[Column]) -> list[Column]:
        """Return the columns of the predictor; a base level and a missing value are no 1 in any of them."""
        found = {field.name: columns[self._places[field.name]] for field in self._columns if field.name in self._places}
        for name, levels in self._levels.items():
            table = _dummies(columns[self._places[name]], list(levels.values()))
            found.update(zip(levels, table, strict=True))
        return [
            found[field.name].astype(_DTYPES[field.column_type]) if field.name in self._own else found[field.name]
            for field in self._columns
        ]

    def expanded_signature(self, merged: Signature) -> Signature:
        """Return the signature of a route with the columns of the predictor in place of the fields for them."""
        fields = {field.name: field for field in merged.inputs}
        inputs = tuple(field if field.name in self._own else fields[field.name] for field in self._columns)
        return Signature(inputs=inputs, output=merged.output, names_known=merged.names_known)


_DTYPES: Final[Mapping[str, Any]] = {"number": np.float64, "integer": np.int64, "boolean": np.bool_}


def _dummies(values: Column, levels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return a row for each level, with a 1 where a value is that level."""
    places = {level: place for place, level in enumerate(levels)}
    table = np.zeros((len(levels), len(values)))
    for row, value in enumerate(values.tolist()):
        place = places.get(value)
        if place is not None:
            table[place, row] = 1.0
    return table


def with_one_hot(predictor: Predictor, groups: Mapping[str, OneHot]) -> Predictor:
    """Return a predictor that takes one field for each group; raises RegistryError where columns contradict it."""
    return OneHotPredictor(predictor, groups) if groups else predictor


def _levels(found: Signature, groups: Mapping[str, OneHot]) -> dict[str, dict[str, str]]:
    """Return field -> column -> level."""
    if not found.names_known:
        first = next(iter(groups))
        raise RegistryError(
            f"inputs.{first}: the columns of the artifact have no names, so none is like '{groups[first].pattern}'",
            hint="save their names, joblib.dump(list(X.columns), 'columns.pkl'), and name both files: "
            "artifact: [model.pkl, columns.pkl]",
        )
    levels: dict[str, dict[str, str]] = {}
    for name, group in groups.items():
        told = {field.name: group.level_of(field.name) for field in found.inputs}
        levels[name] = {column: level for column, level in told.items() if level is not None}
        _check(name, group, levels, found)
    return levels


def _check(name: str, group: OneHot, levels: Mapping[str, Mapping[str, str]], found: Signature) -> None:
    mine = levels[name]
    where = f"inputs.{name}"
    if not mine:
        guess = did_you_mean(group.pattern, found.names)
        raise RegistryError(
            f"{where}: no column of the artifact is like '{group.pattern}' ({listing(found.names)})",
            hint=guess or 'correct the pattern: `dummies: "location_*"` for location_north, location_south',
        )
    for field in found.inputs:
        if field.name in mine and (field.type not in _DTYPES or field.enum is not None):
            raise RegistryError(
                f"{where}: column '{field.name}' takes {field.type}, and dummies are numbers",
                hint="correct the pattern",
            )
        others = [other for other, columns in levels.items() if other != name and field.name in columns]
        if field.name in mine and others:
            raise RegistryError(
                f"{where}: column '{field.name}' is also one of the dummies of '{others[0]}'",
                hint="make the two patterns different",
            )
        if field.name == name and name not in mine:
            raise RegistryError(
                f"{where}: the artifact has a column '{name}' as well", hint="call the field for the dummies otherwise"
            )
    if group.base in mine.values():
        raise RegistryError(
            f"{where}: the level '{group.base}' has a column, so that it is no base", hint="delete 'base'"
        )


def _grouped(
    columns: Sequence[Field], levels: Mapping[str, Mapping[str, str]], groups: Mapping[str, OneHot]
) -> tuple[Field, ...]:
    """Return the fields, with one in the place of the first column of each group."""
    owners = {column: name for name, own in levels.items() for column in own}
    fields: dict[str, Field] = {}
    for field in columns:
        name = owners.get(field.name)
        if name is None:
            fields[field.name] = field
        elif name not in fields:
            fields[name] = _field(name, [*levels[name].values()], groups[name].base)
    return tuple(fields.values())


def _field(name: str, levels: list[str], base: str | None) -> Field:
    every = levels if base is None else [base, *levels]
    return Field(
        name=name, type="string", enum=tuple(every), takes_integers=any(_DIGITS.fullmatch(level) for level in every)
    )
