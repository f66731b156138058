"""
Composes the members of a bundle: steps and a model in the one order that fits, names of columns, names of classes.

A list of files tells its order. A dict or tuple does not: the order is found, and refused where there are several.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sklearn.pipeline import Pipeline

from gateway.loaders.bundles import faults
from gateway.loaders.bundles.chain import Chain, chain
from gateway.loaders.bundles.dense_stage import with_dense
from gateway.loaders.bundles.faults import Misfit, told
from gateway.loaders.bundles.labels import (
    column_of,
    is_called_target,
    is_of_probability,
    named_labels,
    target_of,
)
from gateway.loaders.bundles.members import Member, is_container, members_in, texts_of
from gateway.loaders.bundles.of_answer import answer_scaler, is_scaler_of_answer, with_answer_scaler
from gateway.loaders.bundles.told_of import warnings_of
from gateway.loaders.bundles.widths import forget_names, names_in, takes_no_columns
from gateway.loaders.dummies import with_dummies
from gateway.schema import Scalar, Signature
from gateway.system.suggest import listing

#: Steps of which every order is tried: 120 of five.
_MOST_STEPS: Final = 5
_PAIR: Final = 2
#: Kinds of members that change what a row holds, or answer.
_ACTING: Final = frozenset({"step", "model", "levels", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """
    Hold what a bundle is as one model.

    `steps` are fitted and stand in front of `model`; `names` are those of the columns that the first takes, None where
    it knows its own or none are known. `labels` name the classes, `threshold` is the probability of the second one.
    """

    model: Any
    steps: tuple[Any, ...] = ()
    names: tuple[str, ...] | None = None
    labels: tuple[Scalar, ...] | None = None
    threshold: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def front(self) -> Pipeline | None:
        """Return the steps as one transformer; None where there are none."""
        return Pipeline([(f"step{i}", step) for i, step in enumerate(self.steps)]) if self.steps else None


def bundled(path: Path, found: Any, steps: Sequence[str]) -> list[Member]:
    """
    Return the members of one file; `steps` names those that a row passes, in their order, and leaves out the others.

    Raises LoadError for a name in `steps` that is none.
    """
    members = members_in(found) if is_container(found) else []
    if not steps:
        return members
    acting = {one.key: one for one in members if one.kind in _ACTING}
    for name in steps:
        if name not in acting:
            raise faults.no_such_member(path, name, list(acting.values()))
    left_out = [Member(one.name, one.key, None, "note") for key, one in acting.items() if key not in steps]
    return [*(acting[name] for name in steps), *(one for one in members if one.kind not in _ACTING), *left_out]


def told_signature(found: Signature, composition: Composition) -> Signature:
    """Return the signature of a model under the names of columns and classes that a composition tells."""
    inputs, output = found.inputs, found.output
    if composition.names is not None and len(composition.names) == len(inputs):
        inputs = with_dummies([replace(one, name=name) for one, name in zip(inputs, composition.names, strict=True)])
    if composition.labels is not None and output.kind == "multi_label":
        output = replace(output, names=tuple(map(str, composition.labels)))
    elif composition.labels is not None:
        positive = composition.labels[1] if len(composition.labels) == _PAIR else None
        output = replace(output, labels=composition.labels, positive=positive)
    if composition.threshold is not None:
        output = replace(output, threshold=composition.threshold)
    is_named = found.names_known or composition.names is not None
    return replace(found, inputs=inputs, output=output, names_known=is_named)


def compose(path: Path, members: Sequence[Member], *, is_ordered: bool) -> Composition:
    """Return the members as one model; raises LoadError with what contradicts, what is unknown, what is missing."""
    unknown = [one for one in members if one.kind == "unknown"]
    if unknown:
        raise faults.unknown_member(path, unknown)
    model = _model(path, members, is_ordered=is_ordered)
    threshold = next((one for one in members if one.kind == "threshold"), None)
    columns = next((one for one in members if one.kind == "columns"), None)
    steps = [one for one in members if one is not model and one.kind in {"step", "model", "levels"}]
    scaler = answer_scaler(path, members, model, steps, is_ordered=is_ordered)
    steps = [one for one in steps if one is not scaler]
    if is_ordered:
        _check_last(path, members, model, steps)
    names = _names(model, columns, steps)
    steps, labels = _told_apart(path, members, steps, names)
    found = _chained(path, steps, model, columns, is_ordered=is_ordered)
    names_known = _new_names(path, found, columns)
    for step in [*found.steps, model.value][1:]:
        forget_names(step)
    named = None if labels is None else named_labels(path, labels, model.value)
    return Composition(
        model=model.value if scaler is None else with_answer_scaler(model.value, scaler.value),
        steps=with_dense(found.steps, model.value),
        names=names_known,
        labels=named,
        threshold=None
        if threshold is None or not is_of_probability(threshold, model.value)
        else float(threshold.value),
        warnings=warnings_of(members, model, found.front or model, labels if named else None, named),
    )


def _model(path: Path, members: Sequence[Member], *, is_ordered: bool) -> Member:
    models = [one for one in members if one.kind == "model"]
    # In a stated order, what predicts and is not the last transforms (KMeans, LinearDiscriminantAnalysis).
    early = [one for one in models[:-1] if not (is_ordered and hasattr(one.value, "transform"))]
    if early:
        raise faults.several_models(path, [*early, models[-1]], is_file=not is_ordered)
    return models[-1]


def _check_last(path: Path, members: Sequence[Member], model: Member, steps: Sequence[Member]) -> None:
    late = [step for step in steps if members.index(step) > members.index(model)]
    if late:
        order = [one.key for one in members if one is not model]
        misfit = Misfit(f"{told(late[0])} stands behind {told(model)}, and a row passes the files in their order")
        raise faults.do_not_fit(path, misfit, f"name the model last: [{', '.join([*order, model.key])}]")


def _names(model: Member, columns: Member | None, steps: Sequence[Member]) -> list[str]:
    """Return every name of a column that a member tells."""
    known = [names_in(one.value) for one in (model, *steps) if one.kind != "levels"]
    found = [name for names in (*known, texts_of(columns.value) if columns else None) for name in names or ()]
    return list(dict.fromkeys(found))


def _told_apart(
    path: Path, members: Sequence[Member], steps: Sequence[Member], names: Sequence[str]
) -> tuple[list[Member], Member | None]:
    """Tell encoders of columns from the one of the target; return the steps with the former, and the latter."""
    steps = list(steps)
    targets = [one for one in members if one.kind == "classes"]
    by_column: dict[str, Any] = {}
    keys = []
    for one in [one for one in members if one.kind == "labels"]:
        column = column_of(one, names)
        if column is None:
            if not names and not is_called_target(one):
                raise faults.whose_labels(path, one)
            targets.append(one)
        else:
            by_column[column] = one.value
            keys.append(one.name)
    if by_column:
        steps.insert(0, Member(listing(keys, "and"), keys[0].strip("'"), by_column, "levels"))
    for i, step in enumerate(steps):
        target = target_of(path, step, names) if step.kind == "levels" else None
        if target is not None:
            targets.append(Member(f"'{target}' of {step.name}", target, step.value[target], "labels"))
            rest = {name: encoder for name, encoder in step.value.items() if name != target}
            steps[i] = Member(step.name, step.key, rest, "levels")
    encoders = [one for one in targets if one.kind == "labels"]
    if len(encoders) > 1:
        raise faults.no_columns(path, encoders[0], [one.name for one in encoders], names)
    return [step for step in steps if step.kind != "levels" or step.value], next(iter(encoders or targets), None)


def _chained(path: Path, steps: Sequence[Member], model: Member, columns: Member | None, *, is_ordered: bool) -> Chain:
    if is_ordered or len(steps) > _MOST_STEPS:
        try:
            return chain(steps, model, columns)
        except Misfit as misfit:
            raise faults.do_not_fit(path, misfit, _other_order(steps, model, columns)) from None
    found, misfits = _fitting(steps, model, columns)
    if not found:
        raise faults.do_not_fit(path, misfits[0], _behind_model(steps, model, columns))
    if len(found) > 1:
        raise faults.no_order(path, [order for order, _ in found])
    return found[0][1]


def _fitting(
    steps: Sequence[Member], model: Member, columns: Member | None
) -> tuple[list[tuple[list[Member], Chain]], list[Misfit]]:
    """Return the orders that fit, one of those with equal effect, and why the others do not."""
    found: dict[Any, tuple[list[Member], Chain]] = {}
    misfits: list[Misfit] = []
    for order in itertools.permutations(steps):
        try:
            one = chain(order, model, columns)
            found.setdefault(one.order, ([*order, model], one))
        except Misfit as misfit:
            misfits.append(misfit)
    return list(found.values()), misfits


def _other_order(steps: Sequence[Member], model: Member, columns: Member | None) -> str:
    """Return the advice to write the one other order that fits, '' where there is none or several."""
    found = _fitting(steps, model, columns)[0] if len(steps) <= _MOST_STEPS else []
    if len(found) != 1:
        return ""
    return f"they fit in the order [{', '.join(one.key for one in found[0][0])}]"


def _behind_model(steps: Sequence[Member], model: Member, columns: Member | None) -> str:
    """Return the advice to write the one order in which a step scales the answer, '' where there is none or several."""
    orders = []
    for scaler in [one for one in steps if is_scaler_of_answer(one, model)]:
        rest = [one for one in steps if one is not scaler]
        orders += [[*order, scaler] for order, _ in _fitting(rest, model, columns)[0] if rest]
    if len(orders) != 1:
        return ""
    keys = ", ".join(one.key for one in orders[0])
    return f"if '{orders[0][-1].key}' scaled the target of training, write `steps: [{keys}]`"


def _new_names(path: Path, found: Chain, columns: Member | None) -> tuple[str, ...] | None:
    """Return the names that the first step does not know itself; raises LoadError where the list contradicts it."""
    front = found.front
    assert front is not None  # noqa: S101 - the model, if nothing else
    if takes_no_columns(front.value):
        return None
    if columns is not None and not found.uses_columns:
        listed = texts_of(columns.value)
        wanted = f"the columns {listing(found.names)}" if found.names else f"{found.width} columns"
        misfit = Misfit(f"{columns.name} lists {len(listed)} columns ({listing(listed)}), {told(front)} takes {wanted}")
        raise faults.do_not_fit(path, misfit, "")
    known = names_in(front.value) if front.kind != "levels" else found.names
    return None if known is not None else found.names
