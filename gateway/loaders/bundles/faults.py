"""Errors for bundles: each names what was found, and what to write."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gateway.errors import LoadError
from gateway.loaders.bundles.members import Member
from gateway.system.suggest import listing


class Misfit(Exception):
    """Say which two members do not fit each other, with their widths."""


def told(member: Member) -> str:
    """Name a member and its kind of object."""
    return f"{member.name} ({type(member.value).__name__})"


def unknown_member(path: Path, members: Sequence[Member]) -> LoadError:
    """Return the refusal of objects that may act and have no known part in an answer."""
    names = listing(map(told, members), "and")
    return LoadError(
        f"{path.name}: nobody knows what {names} would do to an answer",
        code="unknown-member",
        hint="save the bundle without it; a model of another library in a file of its own, named in the list",
    )


def several_models(path: Path, models: Sequence[Member], *, is_file: bool) -> LoadError:
    """Return the refusal of a bundle with more than one model."""
    keys = "[" + ", ".join(["...", models[0].key]) + "]"
    return LoadError(
        f"{path.name}: holds {len(models)} models: {listing(map(told, models), 'and')}",
        code="several-models",
        hint=f"name the members that a row passes, in their order, such as `steps: {keys}`"
        if is_file
        else "name one model in the list, and give each other one a route of its own",
    )


def no_such_member(path: Path, wanted: str, members: Sequence[Member]) -> LoadError:
    """Return the refusal of `steps` that name what is not there."""
    known = listing(f"'{one.key}'" for one in members)
    return LoadError(
        f"{path.name}: `steps` names '{wanted}', which is no member of it",
        code="unknown-step",
        hint=f"name some of {known}, the model last",
    )


def do_not_fit(path: Path, misfit: Misfit, suggestion: str) -> LoadError:
    """Return the refusal of members whose widths or names contradict each other."""
    return LoadError(
        f"{path.name}: {misfit}",
        code="steps-do-not-fit",
        hint=suggestion or "name the files that were fitted together: each step on what the step before it gives",
    )


def no_order(path: Path, orders: Sequence[Sequence[Member]]) -> LoadError:
    """Return the refusal of members that fit in more than one order."""
    shown = [f"[{', '.join(one.key for one in order)}]" for order in orders]
    return LoadError(
        f"{path.name}: its steps fit each other in {len(orders)} orders, and the file does not tell which: "
        f"{listing(shown, 'and', most=4)}",
        code="ambiguous-steps",
        hint=f"say in which order a row passes them, such as `steps: {shown[0]}`; a scaler of the target stands behind "
        "the model",
    )


def no_labels(path: Path, member: Member, names: Iterable[Any], classes: Sequence[Any] | None) -> LoadError:
    """Return the refusal of a label encoder, or of class names, that does not belong to the model."""
    answers = "numbers" if classes is None else f"{len(classes)} classes ({listing(map(str, classes))})"
    return LoadError(
        f"{path.name}: {member.name} names {listing(map(str, names))}, and the model answers {answers}",
        code="steps-do-not-fit",
        hint="name the encoder that made the target of this model; one of a column is called by its name: sex_encoder",
    )


def no_columns(path: Path, member: Member, keys: Sequence[str], names: Sequence[str]) -> LoadError:
    """Return the refusal of encoders by column whose columns are not known."""
    known = f"the columns are {listing(names)}" if names else "nothing tells the columns of the model"
    return LoadError(
        f"{path.name}: {member.name} encodes {listing(keys, 'and')}, and {known}",
        code="steps-do-not-fit",
        hint="save the names of the columns in the order of training, joblib.dump(list(X.columns), 'columns.pkl'), and "
        "name that file in the list, too",
    )


def whose_labels(path: Path, member: Member) -> LoadError:
    """Return the refusal of a label encoder that may be that of the target or of a column."""
    return LoadError(
        f"{path.name}: {member.name} encodes {listing(map(str, member.value.classes_))}, of a column or of the target: "
        "nothing tells the columns of the model",
        code="ambiguous-steps",
        hint="call the encoder of the target label_encoder.pkl; for that of a column, name columns.pkl in the list: "
        "joblib.dump(list(X.columns), 'columns.pkl')",
    )


def of_the_answer(path: Path, member: Member) -> LoadError:
    """Return the refusal of a transformer of the target that cannot undo its scaling of these answers."""
    return LoadError(
        f"{path.name}: {told(member)} scales what the model answers, to judge by its name or place, and does not fit "
        "its answers",
        code="unknown-member",
        hint="name the one scaler of the target of this scikit-learn regressor, save a TransformedTargetRegressor, or "
        "serve it with the python loader",
    )
