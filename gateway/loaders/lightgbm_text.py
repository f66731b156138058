"""
Reads LightGBM's text models in Python, before LightGBM does: its own parser follows what a file says unchecked.

Holds all that predicting needs: header, trees as arrays, training parameters, levels of pandas columns. What comes out
is checked by lightgbm_contents.py. Imports no LightGBM.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TREE: Final = "Tree="
_LEVELS: Final = "pandas_categorical:"
_END: Final = "end of parameters"
#: Tables of a tree, and the type of their entries; "f" stands for numbers that predicting reads exactly.
_TABLES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("split_feature", "left_child", "right_child", "decision_type"), np.int64),
    **dict.fromkeys(("cat_boundaries", "cat_threshold", "num_features", "leaf_features"), np.int64),
    **dict.fromkeys(("threshold", "leaf_value", "leaf_const", "leaf_coeff"), np.float64),
}
#: LightGBM reads no more lines of a tree.
_MOST_LINES: Final = 22
_NUMBERS: Final = re.compile(r"[0-9eE+\-. infaINFA]*")
_PARAMETER: Final = re.compile(r"\[(\w+): (.*)\]")
_PARAMETERS: Final = "parameters:"
#: LightGBM ends lines at the first, and texts at the second.
_HIDDEN: Final = {"\r": "a carriage return", "\0": "a NUL"}


class Unreadable(Exception):
    """Say in one clause what of a text model cannot be read."""


@dataclass(frozen=True, slots=True)
class TextTree:
    """Hold one tree: numbers by name (`num_leaves`, `num_cat`, `is_linear`), and its tables."""

    leaves: int
    sets: int
    is_linear: bool
    tables: Mapping[str, Array]

    def table(self, name: str) -> Array:
        """Return a table; an absent one is empty."""
        return self.tables.get(name, np.empty(0, dtype=_TABLES[name]))


@dataclass(frozen=True, slots=True)
class TextModel:
    """Hold what a text model says; `text` is what LightGBM itself may be given."""

    text: str
    header: Mapping[str, str]
    trees: tuple[TextTree, ...]
    parameters: Mapping[str, str]
    #: Levels of the columns that were pandas categories, in the order of these columns; None: there was no frame.
    levels: tuple[tuple[Any, ...], ...] | None = field(default=None)

    def number(self, name: str) -> int:
        """Return a whole number of the header; raises Unreadable where it is none."""
        return _whole(self.header, name)

    @property
    def written_names(self) -> list[str]:
        """Return the names that the file gives the columns."""
        return self.header.get("feature_names", "").split(" ")

    @property
    def is_unnamed(self) -> bool:
        """Say whether training had no names: LightGBM then writes numbers."""
        return self.written_names == [f"Column_{i}" for i in range(len(self.written_names))]

    @property
    def names(self) -> list[str]:
        """Return the names of the columns, made up (x0, x1, …) where training had none."""
        written = self.written_names
        return [f"x{i}" for i in range(len(written))] if self.is_unnamed else written


def parse(text: str) -> TextModel:
    """Return what a text model says; raises Unreadable."""
    plain = text.replace("\r\n", "\n")
    for character, called in _HIDDEN.items():
        if character in plain:
            raise Unreadable(f"line {plain[: plain.index(character)].count(chr(10)) + 1} holds {called}")
    lines = plain.split("\n")
    first = next((i for i, line in enumerate(lines) if line.startswith(_TREE)), None)
    header = _header(lines[: len(lines) if first is None else first])
    trees, at = _trees(lines, len(lines) if first is None else first)
    rest = lines[at:]
    if "version" not in header:
        raise Unreadable("it names no version of the format: LightGBM before 2.1 wrote it")
    if not any(line.startswith("end of trees") for line in rest) and header["version"] != "v2":
        raise Unreadable("its end is missing (`end of trees`)")
    parameters = _parameters(rest)
    return TextModel(_without_sizes(lines), header, trees, parameters, _levels(rest))


def _header(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if name in found:
            raise Unreadable(f"its header says {name} twice")
        # LightGBM drops signs that it takes for empty parts: it would read another name or value.
        if (sign and not name) or value.startswith("="):
            raise Unreadable(f"its header holds the line {line:.40}")
        if name:
            found[name] = value
    return found


def _trees(lines: list[str], at: int) -> tuple[tuple[TextTree, ...], int]:
    """Return all trees, and the number of the first line behind them."""
    found: list[TextTree] = []
    while at < len(lines):
        if lines[at].startswith(_TREE):
            if lines[at] != f"{_TREE}{len(found)}":
                raise Unreadable(f"{lines[at]:.40} stands where tree {len(found)} should")
            end = at + 1
            while end < len(lines) and lines[end]:
                end += 1
            found.append(_tree(lines[at + 1 : end], len(found), ended=end < len(lines)))
            at = end
        elif lines[at]:
            break
        at += 1
    return tuple(found), at


def _tree(lines: list[str], number: int, *, ended: bool) -> TextTree:
    told: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if not sign or name in told:
            raise Unreadable(f"tree {number}: the line {line:.40}")
        if not _NUMBERS.fullmatch(value):
            raise Unreadable(f"tree {number}: {name} holds more than numbers")
        told[name] = value
    if not ended or len(told) > _MOST_LINES:
        raise Unreadable(f"tree {number} does not end")
    try:
        tables = {name: np.array(told[name].split(), dtype=kind) for name, kind in _TABLES.items() if name in told}
        linear = told.get("is_linear", "0") not in {"0", ""}
        return TextTree(_whole(told, "num_leaves"), _whole(told, "num_cat"), linear, tables)
    except (ValueError, OverflowError) as exc:
        raise Unreadable(f"tree {number}: {exc}") from exc
    except Unreadable as exc:
        raise Unreadable(f"tree {number}: {exc}") from exc


def _whole(told: Mapping[str, str], name: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", told.get(name, "")):
        raise Unreadable(f"{name} is {told.get(name, 'missing')!s:.40}")
    return int(told[name])


def _parameters(lines: list[str]) -> dict[str, str]:
    """Return the parameters of the training; raises Unreadable for lines at which LightGBM's reader goes astray."""
    start = next((i for i, line in enumerate(lines) if line.startswith(_PARAMETERS)), None)
    if start is None:
        return {}
    end = next((i for i, line in enumerate(lines) if i > start and line.startswith(_END)), None)
    if end is None:
        raise Unreadable(f"the end of its parameters is missing (`{_END}`)")
    found: dict[str, str] = {}
    for line in filter(None, lines[start + 1 : end]):
        match = _PARAMETER.fullmatch(line)
        if match is None:
            raise Unreadable(f"its parameters hold the line {line:.40}")
        found[match[1]] = match[2]
    return found


def _levels(lines: list[str]) -> tuple[tuple[Any, ...], ...] | None:
    """Return the levels of pandas columns: the last line of the file."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    if not last.startswith(_LEVELS):
        return None
    try:
        found = json.loads(last.removeprefix(_LEVELS))
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"pandas_categorical is no JSON: {exc}") from exc
    return _checked_levels(found)


def _checked_levels(found: Any) -> tuple[tuple[Any, ...], ...] | None:
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(one, list) for one in found):
        raise Unreadable("pandas_categorical is no list of lists")
    if not all(isinstance(level, str | int) or _is_finite(level) for one in found for level in one):
        raise Unreadable("pandas_categorical names a level that is neither text nor a finite number")
    return tuple(tuple(one) for one in found)


def _is_finite(level: Any) -> bool:
    return isinstance(level, float) and math.isfinite(level)


def _without_sizes(lines: list[str]) -> str:
    """Return the text without `tree_sizes`: by these LightGBM reads trees in several threads, where they point."""
    return "\n".join(line for line in lines if not line.startswith("tree_sizes="))
