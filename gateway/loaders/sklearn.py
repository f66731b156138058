"""
Serves fitted scikit-learn estimators and pipelines from skops, joblib and pickle files.

Knows how to open the files and how to ask an estimator; what its inputs and outputs are is found in sklearn_inputs.py
and sklearn_outputs.py.
"""

import contextlib
import threading
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import Pipeline

from gateway.errors import ArtifactError, GatewayError
from gateway.loaders import pickled
from gateway.loaders.admission.admitted_types import admitting
from gateway.loaders.admission.allowed_names import ForbiddenGlobal
from gateway.loaders.admission.archives import check_archive
from gateway.loaders.admission.object_graph import check_graph
from gateway.loaders.admission.refusals import forbidden_pickle, untrusted_types
from gateway.loaders.admission.sklearn_trees import cap_threads, check_trees
from gateway.loaders.admission.skops_file import read_skops
from gateway.loaders.admission.unpickle import unpickle
from gateway.loaders.base import LoadOptions, Skew
from gateway.loaders.bundles.composition import Composition, bundled, compose, told_signature
from gateway.loaders.bundles.staged import staged_predictor
from gateway.loaders.own_classes import names_own_classes
from gateway.loaders.sklearn_contents import check_contents
from gateway.loaders.sklearn_faults import cannot_answer, unreadable
from gateway.loaders.sklearn_inputs import find_inputs, with_defaults, without_nullable
from gateway.loaders.sklearn_outputs import Answerer, find_answerer
from gateway.loaders.sklearn_rows import Inputs, as_fitted, sample_columns, survives_missing
from gateway.loaders.sklearn_texts import check_texts
from gateway.loaders.sklearn_unfit import not_a_predictor
from gateway.loaders.versions.old_states import take_out_encoders
from gateway.loaders.versions.provenance import Part, Told, skew_of, told_by, written_parts
from gateway.loaders.versions.repairs import repair_all
from gateway.schema import Column, Predictions, Signature

#: catch_warnings swaps a process-wide list; two loads at once would restore each other's.
_WARNINGS_LOCK = threading.Lock()
_PICKLE_HINT = (
    "save it with skops.io.dump, or set `allow_pickle: true` and `sha256:` for this route, as "
    "`gateway add … --allow-pickle` writes them"
)
_PICKLE_OF_STORE_HINT = (
    "log it with serialization_format='skops', or set `allow_pickle: true` for this route; the digest of the copy is "
    "its pin"
)


class SklearnPredictor:
    """Ask one fitted estimator; `parts` and `skew` say which versions wrote it."""

    warnings: tuple[str, ...] = ()

    def __init__(self, estimator: Any, inputs: Inputs, answerer: Answerer) -> None:
        self.estimator = estimator
        self.inputs = inputs
        self.parts: frozenset[Part] = frozenset()
        self.skew: Skew | None = None
        self.signature = Signature(
            inputs=inputs.fields,
            output=answerer.output,
            names_known=inputs.names_known,
            trained_on=inputs.trained_on,
        )
        self._answerer = answerer

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance with the estimator exactly as fitted."""
        return self._answerer.answer(self.as_fitted(columns))

    def as_fitted(self, columns: Sequence[Column]) -> Any:
        """Return columns in the shape that the estimator was fitted on."""
        return as_fitted(self.inputs, columns)


class SklearnLoader:
    """Open skops files of the library's own parts, pickles only where the registry opted in."""

    name: ClassVar[str] = "sklearn"

    def load(self, path: Path, options: LoadOptions) -> Any:
        """Load, cap threads at one, infer the signature, and ask the model once for a made-up row."""
        file = open_file(path, options)
        predictor = pickled.predictor_of(path, file.held, options)
        if predictor is None:
            composition = composition_of(path, file.held, options)
            predictor = predictor_of(path, composition, file.written_by)
        predictor.parts, predictor.skew = file.parts, skew_of(file.parts)
        return predictor

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: the formats hold no cheaper description."""
        found: Signature = self.load(path, options).signature
        return found


def composition_of(path: Path, found: Any, options: LoadOptions) -> Composition:
    """Return what a file holds as one model: an estimator, or a dict or tuple of steps; raises LoadError."""
    if isinstance(found, BaseEstimator) and hasattr(found, "predict"):
        return Composition(model=found)
    members = [pickled.as_member(path, one, options) for one in bundled(path, found, options.steps)]
    if not any(one.kind in {"model", "unknown"} for one in members):
        raise not_a_predictor(path, found, options.origin)
    return compose(path, members, is_ordered=bool(options.steps))


def predictor_of(path: Path, composition: Composition, written_by: str | None) -> Any:
    """Return the predictor of a composition; `written_by` is an older version."""
    if not isinstance(composition.model, BaseEstimator):
        if composition.front is not None:
            _check(path, composition.front)
        return staged_predictor(path, composition)
    steps = [*composition.steps, composition.model]
    estimator = Pipeline([(f"step{i}", step) for i, step in enumerate(steps)]) if len(steps) > 1 else steps[0]
    try:
        return _renamed(_predictor(path, estimator), composition)
    except GatewayError:
        raise
    except Exception as exc:
        raise cannot_answer(path, exc, estimator, written_by) from exc


def _renamed(predictor: SklearnPredictor, composition: Composition) -> SklearnPredictor:
    """Give columns, classes and threshold the names and the value that the composition tells."""
    predictor.signature = told_signature(predictor.signature, composition)
    predictor.inputs = replace(
        predictor.inputs, fields=predictor.signature.inputs, names_known=predictor.signature.names_known
    )
    predictor.warnings = (*predictor.warnings, *composition.warnings)
    return predictor


def _check(path: Path, estimator: Any) -> None:
    check_trees(path, estimator)
    check_contents(path, estimator)
    check_texts(path, estimator)
    cap_threads(estimator)


def _predictor(path: Path, estimator: Any) -> SklearnPredictor:
    _check(path, estimator)
    inputs = find_inputs(estimator)
    answerer, number = _answerer(path, estimator, inputs)
    inputs = with_defaults(inputs, number)

    def ask(columns: list[Column]) -> object:
        return answerer.answer(as_fitted(inputs, columns))

    if any(field.nullable for field in inputs.fields) and not survives_missing(inputs, ask, number):
        return SklearnPredictor(estimator, without_nullable(inputs), answerer)
    return SklearnPredictor(estimator, inputs, answerer)


def _answerer(path: Path, estimator: Any, inputs: Inputs) -> tuple[Answerer, int]:
    """Return what answers, and a number that all numeric fields can have at once."""
    try:
        return find_answerer(path, estimator, as_fitted(inputs, sample_columns(inputs))), 0
    except Exception:
        # Zero is outside the domain of a logarithm in front of the model.
        with contextlib.suppress(Exception):
            return find_answerer(path, estimator, as_fitted(inputs, sample_columns(inputs, number=1))), 1
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """Hold what a file holds, repaired, which versions wrote its parts, and one of them to name in a fault."""

    held: Any
    parts: frozenset[Part]
    written_by: str | None


def open_file(path: Path, options: LoadOptions) -> OpenedFile:
    """Return what a file holds, in the form of the installed version; nothing of it was asked yet."""
    held, told = _open(path, options)
    written_by = _newest(told)
    try:
        take_out_encoders(held)
        parts = written_parts(held, told, path)
        repair_all(held, told)
    except GatewayError:
        raise
    except Exception as exc:
        raise cannot_answer(path, exc, held, written_by) from exc
    return OpenedFile(held=held, parts=parts, written_by=written_by)


def _open(path: Path, options: LoadOptions) -> tuple[Any, Told]:
    """Return the object, and which other versions of scikit-learn its estimators say they were written by."""
    with _WARNINGS_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            estimator = read(path, options)
        except GatewayError:
            raise
        except Exception as exc:
            raise unreadable(path, exc, _newest(told_by(caught))) from exc
        return estimator, told_by(caught)


@names_own_classes
def read(path: Path, options: LoadOptions) -> Any:
    """Return what a skops file or an allowed pickle holds, all of it parts of a model; nothing of it was asked yet."""
    if path.stat().st_size == 0:
        raise ArtifactError(f"{path.name}: the file is empty", code="broken-artifact", hint="copy or train it again")
    if zipfile.is_zipfile(path):
        check_archive(path)
        with admitting(options.allow_types):
            return _checked(path, read_skops(path), untrusted_types)
    if not options.allow_pickle:
        raise ArtifactError(
            f"{path.name}: not a skops file; a pickle is read only where the registry allows it",
            code="pickle-refused",
            hint=_PICKLE_OF_STORE_HINT if options.is_reference else _PICKLE_HINT,
        )
    return _checked(path, unpickle(path), forbidden_pickle)


def _checked(path: Path, found: Any, refusal: Callable[[Path, ForbiddenGlobal], GatewayError]) -> Any:
    """Return what a file held once all of it is known to be parts of a model; nothing of it has been called before."""
    try:
        check_graph(found)
    except ForbiddenGlobal as exc:
        raise refusal(path, exc) from None
    return found


def _newest(told: Told) -> str | None:
    """Return one version to name in a fault; None where the installed one wrote it."""
    return max((version for versions in told.values() for version in versions), default=None)
