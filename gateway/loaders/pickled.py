"""Serves a model of another framework that a pickle holds alone by that framework's own loader, named in the table."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sklearn.pipeline import Pipeline

from gateway.errors import LoadError
from gateway.loaders.base import LoadOptions
from gateway.loaders.bundles.members import Member
from gateway.loaders.table import IN_PICKLES

#: Searches that hand everything to the best estimator.
_SEARCHES: Final = frozenset({"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"})


def predictor_of(path: Path, found: Any, options: LoadOptions) -> Any:
    """Return the predictor of a framework's own model; None where scikit-learn's loader has to ask what was found."""
    inner = _alone(found)
    row = IN_PICKLES.get(type(inner).__module__.partition(".")[0])
    if row is None or not row.from_pickle:
        return None
    module, _, name = row.from_pickle.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(inner, options)
    except LoadError as exc:
        raise LoadError(f"{path.name}: {exc.message}", code=exc.code, hint=exc.hint) from exc


def as_member(path: Path, member: Member, options: LoadOptions) -> Member:
    """Return a member with its predictor where it holds a model of another library, such as a Booster."""
    if member.kind != "unknown":
        return member
    predictor = predictor_of(path, member.value, options)
    return member if predictor is None else replace(member, value=predictor, kind="model")


def _alone(found: Any) -> Any:
    """Return the model inside of searches and of pipelines without another step."""
    while True:
        if type(found).__name__ in _SEARCHES:
            found = getattr(found, "best_estimator_", None)
        elif (
            type(found) is Pipeline
            and found.steps
            and all(step is None or step == "passthrough" for _, step in found.steps[:-1])
        ):
            found = found.steps[-1][1]
        else:
            return found
