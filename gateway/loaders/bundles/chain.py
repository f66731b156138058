"""
Puts steps in front of a model, from the model backwards, and checks that each gives what the next one takes.

A step that knows the names of some of the columns transforms these and leaves the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.loaders.bundles.column_stage import ColumnPart, column_stage, parts_by_column
from gateway.loaders.bundles.faults import Misfit, told
from gateway.loaders.bundles.members import Member, texts_of
from gateway.loaders.bundles.widths import (
    is_one_to_one,
    names_in,
    names_out,
    takes_no_columns,
    takes_words,
    width_in,
    width_out,
)
from gateway.system.suggest import listing


@dataclass(slots=True)
class Chain:
    """
    Hold fitted steps in order, and the names of the columns that the first takes (None: not known).

    `runs` are the members in their order; those that transform different columns, so that their order does not matter,
    stand in one run.
    """

    model: Member
    steps: list[Any] = field(default_factory=list)
    names: tuple[str, ...] | None = None
    width: int | None = None
    runs: list[tuple[set[str], set[str]]] = field(default_factory=list)
    front: Member | None = None
    uses_columns: bool = False

    @property
    def order(self) -> tuple[frozenset[str], ...]:
        """Return the order of the members in a form in which equal effects are equal."""
        return tuple(frozenset(keys) for keys, _ in self.runs)


def chain(steps: Sequence[Member], model: Member, columns: Member | None) -> Chain:
    """Return the steps in this order in front of the model; raises Misfit."""
    found = Chain(model, names=names_in(model.value), width=width_in(model.value), front=model)
    for step in reversed(steps):
        _name_columns(found, columns)
        _put_in_front(found, step)
    _name_columns(found, columns)
    return found


def _name_columns(found: Chain, columns: Member | None) -> None:
    """Take the names of a list of columns where as many are wanted and none are known."""
    if columns is None or (found.front is not None and takes_no_columns(found.front.value)):
        return
    names = texts_of(columns.value)
    if found.names is None and found.width in {None, len(names)}:
        found.names = names
    found.uses_columns = found.uses_columns or found.names == names


def _put_in_front(found: Chain, step: Member) -> None:
    after = found.front
    assert after is not None  # noqa: S101 - the model is the first
    if takes_no_columns(after.value):
        raise Misfit(f"{told(after)} takes texts or dicts, so that {told(step)} cannot stand before it")
    if step.kind == "levels":
        _put_columns(found, step, parts_by_column(step.value))
        return
    given, width, names = width_out(step.value), found.width, names_in(step.value)
    if names is not None and _is_in_another_order(found, step):
        _put_columns(found, step, [ColumnPart(step.value, names, names)])
    elif given is None or width is None or given == width:
        _put_whole(found, step)
    elif found.names is not None and names is not None:
        _put_columns(found, step, [ColumnPart(step.value, names, names_out(step.value) or ())])
    else:
        raise Misfit(f"{told(step)} gives {given} columns, {told(after)} takes {width}")


def _is_in_another_order(found: Chain, step: Member) -> bool:
    """Say whether a step keeps the very columns that what follows was itself fitted on, in another order."""
    names = names_in(step.value) or ()
    if found.front is None or found.front.kind == "levels" or names_in(found.front.value) != found.names:
        return False
    return names != found.names and sorted(names) == sorted(found.names or ()) and is_one_to_one(step.value)


def _put_whole(found: Chain, step: Member) -> None:
    given, taken, after = names_out(step.value), names_in(step.value), found.front
    assert after is not None  # noqa: S101 - the model is the first
    is_of_words = after.kind == "levels" or (after.kind == "step" and takes_words(after.value))
    if is_of_words and not takes_words(step.value):
        raise Misfit(f"{told(step)} computes numbers and cannot stand before {told(after)}, which encodes texts")
    if found.names is not None and taken is not None:
        if set(given or ()) & set(found.names):
            if given != found.names:
                listed = f"{told(after)} takes {listing(found.names)}"
                raise Misfit(f"{told(step)} gives the columns {listing(given or ())}, {listed}")
        elif is_one_to_one(step.value):
            raise Misfit(f"{told(step)} was fitted on {listing(taken)}, {told(after)} on {listing(found.names)}")
    names = taken or (found.names if is_one_to_one(step.value) else None)
    _add(found, step, [step.value], names, {"*"})


def _put_columns(found: Chain, step: Member, parts: Sequence[ColumnPart]) -> None:
    if found.names is None:
        raise Misfit(f"{told(step)} is for single columns, and nothing tells the names of the columns in their order")
    steps, raw = column_stage(parts, found.names)
    taken = {name for part in parts for name in part.takes}
    _add(found, step, steps, raw, taken)


def _add(found: Chain, step: Member, steps: list[Any], names: Sequence[str] | None, taken: set[str]) -> None:
    is_partial = "*" not in taken
    if found.runs and is_partial and not (found.runs[0][1] & (taken | {"*"})):
        found.runs[0][0].add(step.key)
        found.runs[0][1].update(taken)
    else:
        found.runs.insert(0, ({step.key}, set(taken)))
    found.steps = [*steps, *found.steps]
    found.names = None if names is None else tuple(names)
    found.width = len(names) if is_partial and names is not None else width_in(step.value)
    found.front = step
