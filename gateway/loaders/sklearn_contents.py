"""
Names what a fitted scikit-learn estimator says it holds and does not: it would predict with what is left.

Counts that stand twice in an estimator are held against each other. What its arrays do not fit, NumPy says itself.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from gateway.errors import ArtifactError
from gateway.loaders.admission.sklearn_trees import walk_parts
from gateway.loaders.sklearn_places import misplaced

_PAIR: Final = 2
#: Only of these is `estimators_` as long as `n_estimators`; boosting may stop early.
_FORESTS: Final = frozenset({"sklearn.ensemble._forest", "sklearn.ensemble._iforest", "sklearn.ensemble._bagging"})


def check_contents(path: Path, estimator: Any) -> None:
    """Raise ArtifactError (`missing-parts`) with every part whose number is not the announced one."""
    faults = [f"{type(part).__name__}: {fault}" for part in walk_parts(estimator) for fault in _faults(part)]
    if faults:
        raise ArtifactError(
            f"{path.name}: not a whole model: {'; '.join(faults[:5])}",
            code="missing-parts",
            hint="save it again where it was trained; of a forest cut by hand, set n_estimators to what is left",
        )


def _faults(part: Any) -> Iterator[str]:
    found = vars(part)
    yield from _classes(part, found)
    names = found.get("feature_names_in_")
    if names is not None and len(names) != found.get("n_features_in_", len(names)):
        yield f"{len(names)} names of {found['n_features_in_']} columns"
    check = next((_CHECKS[kind.__name__] for kind in type(part).__mro__ if kind.__name__ in _CHECKS), None)
    if check is not None and type(part).__module__.startswith(("sklearn.", "gateway.")):
        # A template that was never fitted lacks what is counted; a predictor that lacks it says so when it is asked.
        with contextlib.suppress(KeyError):
            yield from check(part, found)
    if type(part).__module__.startswith(("sklearn.", "gateway.")):
        with contextlib.suppress(KeyError):
            yield from misplaced(part)


def _classes(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check lists of classes: sorted, none twice, as many as are told."""
    several = isinstance(found.get("n_classes_"), list | np.ndarray)
    lists = found.get("classes_") if isinstance(found.get("classes_"), list) else [found.get("classes_")]
    told = list(found["n_classes_"]) if several else [found.get("n_classes_")] * len(lists or ())
    if len(told) != len(lists or ()):
        yield f"{len(lists or ())} lists of classes, {len(told)} announced"
        return
    for classes, count in zip(lists or (), told, strict=True):
        if not isinstance(classes, np.ndarray) or classes.ndim != 1:
            continue
        if count is not None and len(classes) != count:
            yield f"{len(classes)} classes, {count} announced"
        rows = _rows_of_coef(part, found)
        if rows is not None and rows not in {len(classes) if len(classes) != _PAIR else 1, len(classes)}:
            yield f"{len(classes)} classes, coefficients of {rows}"
        try:
            if len(set(classes.tolist())) < len(classes) or np.any(classes[1:] < classes[:-1]):
                yield "its classes are not in order"
        except TypeError:  # classes of mixed types have no order
            continue


def _rows_of_coef(part: Any, found: Mapping[str, Any]) -> int | None:
    """Return for how many classes a linear model or a mixture has coefficients; one against one has more."""
    if type(part).__module__.startswith("sklearn.linear_model") or type(part).__name__ == "LinearSVC":
        name = "coef_"
    else:
        name = {"GaussianNB": "theta_", "LinearDiscriminantAnalysis": "coef_"}.get(
            type(part).__name__, "class_log_prior_"
        )
    table = found.get(name)
    return len(table) if isinstance(table, np.ndarray) and table.ndim == _PAIR else None


def _differs(what: str, found: int, told: Any) -> Iterator[str]:
    if isinstance(told, int | np.integer) and found != told:
        yield f"{found} {what}, {told} announced"


def _ensemble(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check what has one estimator per tree or bag; their features, weights and paths have as many entries."""
    members = found.get("estimators_")
    if members is None:
        return
    if type(part).__module__ in _FORESTS:
        yield from _differs("estimators", len(members), found.get("n_estimators"))
    for name in ("estimators_features_", "_average_path_length_per_tree", "_decision_path_lengths"):
        if found.get(name) is not None:
            yield from _differs(f"entries of {name}", len(found[name]), len(members))
    if type(part).__module__ != "sklearn.ensemble._forest":
        return
    for name in ("n_outputs_", "n_classes_"):
        other = [one for one in members if name in found and not np.array_equal(found[name], getattr(one, name, ()))]
        yield from (f"{name} is {found[name]}, of a tree {getattr(one, name, None)}" for one in other[:1])


def _weighted(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check AdaBoost: what stopped early leaves weights of zero behind."""
    yield from _differs("estimators", len(found["estimators_"]), np.count_nonzero(found["estimator_weights_"]))


def _boosting(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check gradient boosting: a row of trees per round, a tree in it per class of more than two."""
    trees = np.asarray(found["estimators_"], dtype=object)
    count, wide = found.get("n_estimators_"), _per_round(found)
    yield from _differs("rounds", len(trees), count)
    if trees.ndim != _PAIR or (wide is not None and trees.shape[1] != wide):
        yield f"trees of shape {trees.shape}, {wide} a round announced"
    start: Any = found.get("init_")
    classes = getattr(start, "n_classes_", None)
    if classes is not None and len(getattr(start, "class_prior_", ())) not in {0, classes}:
        yield f"{len(start.class_prior_)} priors, {classes} classes announced"
    if getattr(start, "n_outputs_", 1) != 1:
        yield f"its first guess has {start.n_outputs_} outputs"


def _histograms(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check boosting on histograms: all rounds unless it stopped early, of which there is a list of scores."""
    rounds, scores = found["_predictors"], found.get("train_score_")
    if scores is not None and len(scores):
        yield from _differs("rounds", len(rounds), len(scores) - 1)
    elif found.get("do_early_stopping_") is False:
        yield from _differs("rounds", len(rounds), found.get("max_iter"))
    wide = _per_round(found)
    told = found.get("n_trees_per_iteration_", wide)
    yield from (f"n_trees_per_iteration_ is {told}, {wide} wanted" for _ in range(told != wide and wide is not None))
    yield from (f"{len(one)} trees in a round, {told} announced" for one in rounds if len(one) != told)
    mapper = found.get("_bin_mapper")
    yield from _differs(
        "columns", int(found.get("n_features_in_", 0)), len(getattr(mapper, "bin_thresholds_", ())) or None
    )


def _per_round(found: Mapping[str, Any]) -> int | None:
    classes = found.get("classes_")
    if classes is None:
        return 1
    return len(classes) if len(classes) > _PAIR else 1


def _named(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check voting and stacking: one fitted estimator for each that is not dropped."""
    wanted = [one for _, one in found.get("estimators", ()) if not isinstance(one, str)]
    yield from _differs("fitted estimators", len(found.get("estimators_", wanted)), len(wanted))


def _per_class(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check one against the rest: a model per class, one alone for two."""
    binarizer = found.get("label_binarizer_")
    classes = len(getattr(binarizer, "classes_", ()))
    wanted = 1 if classes == _PAIR and getattr(binarizer, "y_type_", "") != "multilabel-indicator" else classes
    yield from _differs("estimators", len(found["estimators_"]), wanted)


def _chain(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    yield from _differs("estimators", len(found["estimators_"]), len(found["order_"]))


def _folds(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check calibration: a pair per fold, where folds are told by their number."""
    wanted = found.get("cv") if found.get("ensemble") is True else None
    yield from _differs("calibrated classifiers", len(found["calibrated_classifiers_"]), wanted)


def _vectors(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check support vectors: libsvm reads as many as it is told, wherever they end."""
    if "_n_support" not in found:  # named otherwise before 0.22, which its reader says
        return
    counts, width = np.asarray(found["_n_support"]), found.get("n_features_in_")
    table, is_classifier = found["_dual_coef_"], type(part).__name__ in {"SVC", "NuSVC"}
    total = int(counts.sum()) if is_classifier else len(found["support_"])
    yield from _differs("support vectors", len(found["support_"]), total)
    yield from _differs("columns of coefficients", table.shape[1], total)
    if found.get("kernel") != "precomputed":
        shape = tuple(found["support_vectors_"].shape)
        if width is not None and shape != (total, width):
            yield f"support vectors of shape {shape}, {(total, width)} announced"
    if is_classifier:
        classes = len(found["classes_"])
        pairs = classes * (classes - 1) // 2
        yield from _differs("counts of support vectors", len(counts), classes)
        yield from _differs("rows of coefficients", table.shape[0], classes - 1)
        yield from _differs("intercepts", len(found["_intercept_"]), pairs)
        for name in ("_probA", "_probB"):
            if len(found.get(name, ())) not in {0, pairs}:
                yield f"{name} has {len(found[name])} entries, {pairs} announced"


def _layers(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check networks: a table of weights and of offsets per layer but the first, a class per output."""
    yield from _differs("layers", len(found["coefs_"]) + 1, found.get("n_layers_"))
    yield from _differs("offsets", len(found["intercepts_"]), len(found["coefs_"]))
    told = getattr(found.get("_label_binarizer"), "classes_", None)
    if told is not None and not np.array_equal(told, found["classes_"]):
        yield f"{len(found['classes_'])} classes, its outputs have {len(told)}"


def _neighbours(part: Any, found: Mapping[str, Any]) -> Iterator[str]:
    """Check neighbours: an answer per row that was kept, of as many classes as there are."""
    kept, answers = found.get("_fit_X"), found.get("_y")
    if answers is None:
        return
    if kept is not None:
        yield from _differs("answers", len(answers), kept.shape[0])
    classes = found.get("classes_")
    if isinstance(classes, np.ndarray) and len(answers) and answers.ndim == 1:
        yield from _differs("classes", len(classes), int(answers.max()) + 1 if int(answers.min()) >= 0 else -1)


_CHECKS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Iterator[str]]]] = {
    "BaseGradientBoosting": _boosting,
    "BaseHistGradientBoosting": _histograms,
    "BaseWeightBoosting": _weighted,
    "_BaseHeterogeneousEnsemble": _named,
    "BaseEnsemble": _ensemble,
    "BaseLibSVM": _vectors,
    "BaseMultilayerPerceptron": _layers,
    "NeighborsBase": _neighbours,
    "OneVsRestClassifier": _per_class,
    "_BaseChain": _chain,
    "CalibratedClassifierCV": _folds,
}
