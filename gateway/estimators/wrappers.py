"""Finds the fitted estimator inside of searches and pipelines."""

from typing import Any, Final

_SEARCHES: Final = {"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"}


def unwrap(model: Any) -> Any:
    """Return what a search over parameters has fitted at last; anything else is returned as it is."""
    while type(model).__name__ in _SEARCHES:
        model = model.best_estimator_
    return model


def is_nothing(step: Any) -> bool:
    """Say whether a step hands its input on."""
    return step is None or (isinstance(step, str) and step == "passthrough")


def is_pipeline(step: Any) -> bool:
    """Say whether a step is a pipeline of steps, one of imbalanced-learn included."""
    return hasattr(step, "steps") and hasattr(step, "named_steps")


def front_and_model(estimator: Any) -> tuple[list[Any], Any]:
    """Part an estimator into the steps in front and the model at the end."""
    steps: list[Any] = []
    while is_pipeline(estimator := unwrap(estimator)):
        steps += [step for _, step in estimator.steps[:-1]]
        estimator = estimator.steps[-1][1]
    return steps, estimator


def first_step(estimator: Any) -> Any:
    """Return the step that sees the input first."""
    while is_pipeline(estimator := unwrap(estimator)):
        estimator = next(step for _, step in estimator.steps if not is_nothing(step))
    return estimator
