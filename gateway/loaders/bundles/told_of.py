"""Says of a bundle what has no effect, what was not applied, and what was taken for something by its name only."""

import re
from collections.abc import Sequence
from typing import Final

from sklearn.preprocessing import LabelEncoder

from gateway.loaders.bundles.labels import is_of_probability
from gateway.loaders.bundles.members import Member
from gateway.loaders.bundles.widths import takes_no_columns
from gateway.schema import Scalar
from gateway.system.suggest import listing

#: Names that encoders of the target and those of a column have.
_MAY_BE_OF_A_COLUMN: Final = re.compile(r"(label_?)?(encoder|encoding|enc|le|lbl)|\d+", re.IGNORECASE)


def warnings_of(
    members: Sequence[Member], model: Member, front: Member, labels: Member | None, names: Sequence[Scalar] | None
) -> tuple[str, ...]:
    """Return the warnings; `front` takes the inputs, and `labels` gave the classes the `names` that they have now."""
    is_of_columns = not takes_no_columns(front.value)
    unused = [one.name for one in members if one.kind == "note" or (one.kind == "columns" and not is_of_columns)]
    said = [f"of the bundle, without effect: {listing(unused, 'and', most=len(unused))}"] if unused else []
    threshold = next((one for one in members if one.kind == "threshold"), None)
    taken = _taken_for_target(labels, names) if is_of_columns else ()
    return (*said, *_unheeded(threshold, model), *taken)


def _unheeded(threshold: Member | None, model: Member) -> tuple[str, ...]:
    """Say that a threshold is not applied: it is about no probability of one of two classes."""
    if threshold is None or is_of_probability(threshold, model.value):
        return ()
    return (f"of the bundle, {threshold.name} ({threshold.value}) is not applied: it is none of a probability",)


def _taken_for_target(member: Member | None, names: Sequence[Scalar] | None) -> tuple[str, ...]:
    """Say that a label encoder of a name that one of a column may have, too, gave the classes their names."""
    if member is None or names is None or not isinstance(member.value, LabelEncoder):
        return ()
    if not _MAY_BE_OF_A_COLUMN.fullmatch(member.key.rpartition(".")[2]):
        return ()
    called = listing(map(str, names), "and")
    return (
        f"{member.name} is taken for the encoder of the target, so the classes are called {called}; "
        "if it encoded a column, call it after that column: sex_encoder",
    )
