"""
Features of one column (atoms), and how encoders turn columns of levels into them: by asking the encoder itself.

Runs while preparing. An atom is a number with operations, a table over levels, a constant or a term of a text.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from gateway.compilers.base import Declined
from gateway.runtimes.operations import Operation

ENCODERS = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
_NO_LEVEL = "\x00 no such level \x00"


@dataclass(frozen=True, slots=True)
class Number:
    """Feature: a number of a column after `operations`."""

    column: int
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """No feature yet: a column of text whose `replaced` values read as others; NaN is missing."""

    column: int
    replaced: tuple[tuple[Any, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """Feature: a table over the levels of a column; the last two values are for missing and for unknown."""

    column: int
    keys: tuple[Any, ...]
    values: Any
    takes_missing: bool
    takes_unknown: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """Feature: always the same."""

    value: float


@dataclass(frozen=True, slots=True)
class Term:
    """Feature: the weight of one term of a text."""

    text: int
    index: int


Atom: TypeAlias = Number | Word | Level | Constant | Term


def fill_words(step: Any, atoms: Sequence[Atom]) -> list[Atom]:
    if step.add_indicator:
        raise Declined("an imputer of text that adds an indicator")
    filled: list[Atom] = []
    for atom, fill in zip(atoms, step.statistics_, strict=True):
        if not isinstance(atom, Word):
            raise Declined("an imputer over text and numbers at once")
        filled.append(replace(atom, replaced=(*atom.replaced, (step.missing_values, fill))))
    return filled


def encode(step: Any, atoms: Sequence[Atom]) -> list[Atom]:
    """Ask the encoder itself about every level, about NaN and about a level that there is not."""
    if len(atoms) != len(step.categories_):
        raise Declined("an encoder of other columns than it was fitted on")
    known = [[value for value in np.asarray(found).tolist() if not _is_nan(value)] for found in step.categories_]
    first = [values[0] if values else math.nan for values in known]
    base = _encoded(step, [first])
    if base is None:
        raise Declined("the encoder refuses its own levels")
    features: list[Atom] = [Constant(float(value)) for value in base[0]]
    for i, (atom, values) in enumerate(zip(atoms, known, strict=True)):
        rows = _encoded(step, [[*first[:i], value, *first[i + 1 :]] for value in values])
        missing = _encoded(step, [[*first[:i], math.nan, *first[i + 1 :]]])
        unknown = _encoded(step, [[*first[:i], _stranger(values), *first[i + 1 :]]])
        if rows is None:
            raise Declined("the encoder refuses its own levels")
        blank = np.full_like(base, np.nan)
        table = np.vstack([rows, blank if missing is None else missing, blank if unknown is None else unknown])
        present = np.vstack([part for part in (rows, missing, unknown) if part is not None])
        for feature in np.flatnonzero((present != base).any(axis=0)):
            if not isinstance(features[feature], Constant):
                raise Declined("an encoder that mixes columns")
            level = Level(-1, tuple(values), table[:, feature], missing is not None, unknown is not None)
            features[feature] = _read_through(atom, level)
    return features


def _encoded(step: Any, rows: list[list[Any]]) -> Any:
    names = getattr(step, "feature_names_in_", [f"x{i}" for i in range(len(step.categories_))])
    frame = pd.DataFrame(
        {
            name: pd.Series([row[i] for row in rows], dtype=object if found.dtype.kind in "OUS" else np.float64)
            for i, (name, found) in enumerate(zip(names, map(np.asarray, step.categories_), strict=True))
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = step.transform(frame)
        except ValueError:
            return None
    return np.asarray(table.toarray() if hasattr(table, "toarray") else table, dtype=np.float64)


def _stranger(values: Sequence[Any]) -> Any:
    return _NO_LEVEL if not values or isinstance(values[0], str) else max(values) + 1


def _read_through(atom: Atom, level: Level) -> Level:
    """Return the table as the column sees it: through what imputers put in place of some values."""
    if isinstance(atom, Number):
        replaced = [_as_replacement(operation) for operation in atom.operations]
    elif isinstance(atom, Word):
        replaced = list(atom.replaced)
    else:
        raise Declined("an encoder behind an encoder")
    table = dict(zip(level.keys, level.values, strict=False))
    missing = (level.values[-2], level.takes_missing)
    unknown = (level.values[-1], level.takes_unknown)
    for what, with_ in reversed(replaced):
        known = (table[with_], True) if with_ in table else unknown
        found = missing if _is_nan(with_) else known
        if _is_nan(what):
            missing = found
        elif found[1]:
            table[what] = found[0]
        else:
            raise Declined("an imputer that makes a level the encoder refuses")
    values = np.array([*table.values(), missing[0], unknown[0]], dtype=np.float64)
    return Level(atom.column, tuple(table), values, missing[1], unknown[1])


def _as_replacement(operation: Operation) -> tuple[Any, Any]:
    arguments = operation.arguments
    if operation.name == "fill":
        return math.nan, arguments[0]
    if operation.name == "replace":
        return arguments[0], arguments[1]
    raise Declined("an encoder behind a scaler")


def _is_nan(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
