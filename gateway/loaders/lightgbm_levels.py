"""
Tells the columns of a text model of LightGBM that hold categories, and their levels.

The file lists the levels of all columns that were pandas categories in their order, but not which columns these were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gateway.errors import LoadError
from gateway.loaders.lightgbm_contents import BY_SET
from gateway.loaders.lightgbm_text import TextModel

Levels = tuple[Any, ...]
#: More ways than one of telling columns are one case.
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Categories:
    """Hold column -> its levels in the order of their codes, and the columns that take codes themselves."""

    levels: Mapping[int, Levels]
    coded: frozenset[int]


def categories_of(model: TextModel, declared: Mapping[str, Levels]) -> Categories:
    """
    Return the categories of a model; `declared` are the levels that the registry names, for what the file leaves open.

    Raises LoadError (`unreadable-levels`) where several columns could have the levels of the file.
    """
    columns = by_category(model)
    lists = model.levels or ()
    names = model.names
    if not lists:
        levels = {i: declared[names[i]] for i in columns if names[i] in declared}
        return Categories(levels, frozenset(columns - levels.keys()))
    # Every unordered pandas category is split by sets; where the numbers agree, these are the columns.
    usual = dict(zip(sorted(columns), lists, strict=False))
    elsewhere = any(names.index(name) not in usual for name, one in declared.items() if one in lists and name in names)
    open_lists = [place for place, i in enumerate(usual) if declared.get(names[i]) != lists[place]]
    if (
        len(lists) == len(columns)
        and not elsewhere
        and all(_fits(model, i, one) for i, one in usual.items())
        and not any(_may_mislead(model, columns, lists, place) for place in open_lists)
    ):
        return Categories(usual, frozenset())
    found = _only_way(model, columns, lists, declared)
    return Categories(found, frozenset(columns - found.keys()))


def _may_mislead(model: TextModel, columns: set[int], lists: Sequence[Levels], place: int) -> bool:
    """
    Say whether a list of numbers may be another column's: codes and levels are then told apart by no request.

    Training that named categories of its own (`categorical_feature`) split pandas' own as numbers. Lists of text show
    it: their column would take numbers alone. Numbers that are their own codes are the same either way.
    """
    levels = lists[place]
    if any(isinstance(level, str) for level in levels) or levels == tuple(range(len(levels))):
        return False
    usual = sorted(columns)
    others = [column for column in range(len(model.names)) if column != usual[place]]
    return any(
        _fits(model, column, levels) and _seen(model, column) is not None
        for column in others
        if column not in columns and column >= place and len(model.names) - column >= len(lists) - place
    )


def by_category(model: TextModel) -> set[int]:
    """Return the columns that training took as categories."""
    infos = model.header["feature_infos"].split(" ")
    found = {i for i, info in enumerate(infos) if info[0] not in "[n"}
    told = model.parameters.get("categorical_feature", "")
    for name in filter(None, told.removeprefix("name:").split(",")):
        if told.startswith("name:"):
            found |= {i for i, known in enumerate(model.names) if known == name}
        elif name.isdigit() and int(name) < len(infos):
            found.add(int(name))
    for tree in model.trees:
        decision = tree.table("decision_type")
        found.update(tree.table("split_feature")[: len(decision)][(decision & BY_SET) != 0].tolist())
    return found


def _seen(model: TextModel, column: int) -> tuple[float, float] | None:
    """Return the least and the greatest code that training saw in a column; None where it saw none or one only."""
    info = model.header["feature_infos"].split(" ")[column]
    try:
        codes = [float(code) for code in info.strip("[]").split(":")]
    except ValueError:
        return None
    codes = [code for code in codes if code >= 0] if info[0] != "[" else codes
    return (min(codes), max(codes)) if codes else None


def _fits(model: TextModel, column: int, levels: Levels) -> bool:
    seen = _seen(model, column)
    return seen is None or (seen[0] >= 0 and seen[1] < len(levels) and seen == (int(seen[0]), int(seen[1])))


def _only_way(
    model: TextModel, columns: set[int], lists: Sequence[Levels], declared: Mapping[str, Levels]
) -> dict[int, Levels]:
    """Return column -> levels if there is one way only to give the lists to columns, in order."""
    names = model.names

    def may_have(column: int, levels: Levels) -> bool:
        if declared:
            return declared.get(names[column]) == levels
        # An ordered category is split as a number; a column without any value says nothing.
        return _fits(model, column, levels) and (column in columns or _seen(model, column) is not None)

    ways = np.zeros((len(lists) + 1, len(names) + 1), dtype=np.int64)
    ways[len(lists)] = 1
    for number in range(len(lists) - 1, -1, -1):
        for column in range(len(names) - 1, -1, -1):
            taken = ways[number + 1][column + 1] if may_have(column, lists[number]) else 0
            ways[number][column] = min(taken + ways[number][column + 1], _SEVERAL)
    if ways[0][0] != 1:
        raise LoadError(
            f"it lists the levels of {len(lists)} columns of a data frame, and does not tell which columns these are",
            code="unreadable-levels",
            hint="say in the registry which: `inputs: {column: {enum: [...]}}` with all levels of each in the order of "
            f"the file: {'; '.join(str(list(one))[:80] for one in lists[:3])}",
        )
    found: dict[int, Levels] = {}
    column = 0
    for number, levels in enumerate(lists):
        while not (may_have(column, levels) and ways[number + 1][column + 1]):
            column += 1
        found[column] = levels
        column += 1
    return found
