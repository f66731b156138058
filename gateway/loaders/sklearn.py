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
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.loaders.admission.allowed_names import ForbiddenGlobal
from gateway.loaders.admission.archives import refuse_bomb
from gateway.loaders.admission.object_graph import check_graph
from gateway.loaders.admission.refusals import forbidden_pickle, untrusted_types
from gateway.loaders.admission.sklearn_trees import cap_threads, check_trees, takes_categories
from gateway.loaders.admission.skops_file import read_skops
from gateway.loaders.admission.unpickle import unpickle
from gateway.loaders.base import LoadOptions, Skew
from gateway.loaders.sklearn_contents import check_contents
from gateway.loaders.sklearn_inputs import Inputs, find_inputs, with_defaults, without_nullable
from gateway.loaders.sklearn_outputs import Answerer, find_answerer
from gateway.loaders.sklearn_unfit import not_a_predictor
from gateway.loaders.versions.provenance import Part, Told, skew_of, told_by, written_parts
from gateway.loaders.versions.repairs import repair_all
from gateway.loaders.versions.wheels import another_scikit_learn
from gateway.schema import Column, Predictions, Signature, make_column

#: catch_warnings swaps a process-wide list; two loads at once would restore each other's.
_WARNINGS_LOCK = threading.Lock()


class SklearnPredictor:
    """Ask one fitted estimator; `parts` and `skew` say which versions wrote it."""

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
        self.warnings = (answerer.left_out,) if answerer.left_out else ()
        self._answerer = answerer

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance with the estimator exactly as fitted."""
        return self._answerer.answer(as_fitted(self.inputs, columns))


class SklearnLoader:
    """Open skops files of the library's own parts, pickles only where the registry opted in."""

    name: ClassVar[str] = "sklearn"

    def load(self, path: Path, options: LoadOptions) -> SklearnPredictor:
        """Load, cap threads at one, infer the signature, and ask the model once for a made-up row."""
        estimator, told = _open(path, options)
        written_by = _newest(told)
        try:
            parts = written_parts(estimator, told, path)
            repair_all(estimator, told)
            predictor = _predictor(path, estimator)
            predictor.parts, predictor.skew = parts, skew_of(parts)
            return predictor
        except GatewayError:
            raise
        except Exception as exc:
            raise _cannot_answer(path, exc, estimator, written_by) from exc

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: the formats hold no cheaper description."""
        return self.load(path, options).signature


def as_fitted(inputs: Inputs, columns: Sequence[Column]) -> Any:
    """Shape columns the way the estimator saw them at fit: texts, a frame with names, or a matrix."""
    if inputs.shape == "text":
        return columns[0]
    # A route may declare a number to be an integer; an imputer that was fitted on floats refuses int64.
    columns = [
        column.astype(np.float64) if field.type == "number" and column.dtype.kind in "iu" else column
        for field, column in zip(inputs.fields, columns, strict=True)
    ]
    if inputs.shape == "frame":
        frame = {
            field.name: pd.Series(column, dtype=object) if column.dtype == object else column
            for field, column in zip(inputs.fields, columns, strict=True)
        }
        return pd.DataFrame(frame, copy=True)
    if any(column.dtype == object for column in columns):
        return np.column_stack([column.astype(object) for column in columns])
    return np.column_stack(columns).astype(np.float64, copy=False)


def _predictor(path: Path, estimator: Any) -> SklearnPredictor:
    if not isinstance(estimator, BaseEstimator) or not hasattr(estimator, "predict"):
        raise not_a_predictor(path, estimator)
    check_trees(path, estimator)
    check_contents(path, estimator)
    cap_threads(estimator)
    inputs = find_inputs(estimator)
    answerer, number = _answerer(path, estimator, inputs)
    inputs = with_defaults(inputs, number)
    if any(field.nullable for field in inputs.fields) and not _survives_missing(inputs, answerer, number):
        inputs = without_nullable(inputs)
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


def sample_columns(inputs: Inputs, *, number: int = 0, missing: bool = False) -> list[Column]:
    """Make one row of plausible values, or one row per nullable field in which only that field is missing."""
    holes = [i for i, field in enumerate(inputs.fields) if field.nullable] if missing else [-1]
    columns = []
    for i, field in enumerate(inputs.fields):
        plain: Any = field.enum[0] if field.enum else {"string": "text", "boolean": False}.get(field.type, number)
        columns.append(make_column(field.column_type, [float("nan") if hole == i else plain for hole in holes]))
    return columns


def _survives_missing(inputs: Inputs, answerer: Answerer, number: int) -> bool:
    try:
        answerer.answer(as_fitted(inputs, sample_columns(inputs, number=number, missing=True)))
    except Exception:  # whatever it raises, it does not take missing values
        return False
    return True


def _open(path: Path, options: LoadOptions) -> tuple[Any, Told]:
    """Return the object, and which other versions of scikit-learn its estimators say they were written by."""
    with _WARNINGS_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            estimator = read(path, options)
        except GatewayError:
            raise
        except Exception as exc:
            raise _unreadable(path, exc, _newest(told_by(caught))) from exc
        return estimator, told_by(caught)


def read(path: Path, options: LoadOptions) -> Any:
    """Return what a skops file or an allowed pickle holds, all of it parts of a model; nothing of it was asked yet."""
    if path.stat().st_size == 0:
        raise ArtifactError(f"{path.name}: the file is empty", code="broken-artifact", hint="copy or train it again")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(path, archive)
        return _checked(path, read_skops(path), untrusted_types)
    if not options.allow_pickle:
        raise ArtifactError(
            f"{path.name}: not a skops file; a pickle is read only where the registry allows it",
            code="pickle-refused",
            hint="save it with skops.io.dump, or set `allow_pickle: true` and `sha256:` for this route",
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


def _unreadable(path: Path, exc: Exception, written_by: str | None) -> GatewayError:
    if written_by is not None or "incompatible dtype" in str(exc):
        return LoadError(
            f"{path.name}: written with scikit-learn {written_by or 'of another version'}, which "
            f"{sklearn.__version__} cannot read: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(written_by, sklearn.__version__),
        )
    if isinstance(exc, KeyError) and "__pyx_unpickle_" in str(exc):
        return LoadError(
            f"{path.name}: holds a compiled part as an older scikit-learn wrote it, which {sklearn.__version__} cannot "
            f"read: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(None, sklearn.__version__),
        )
    if type(exc).__module__.startswith("xgboost."):
        return LoadError(
            f"{path.name}: holds a model of an XGBoost version that the installed one cannot read: {exc}",
            code="wrong-version",
            hint="save it with model.save_model('model.json') where it was written, and serve that file; or train it "
            "again",
        )
    return ArtifactError(
        f"{path.name}: not a readable scikit-learn artifact: {type(exc).__name__}: {exc}",
        code="broken-artifact",
        hint="copy it again from where it was trained: its sha256 must be that of the original",
    )


def _cannot_answer(path: Path, exc: Exception, estimator: Any, written_by: str | None) -> LoadError:
    if takes_categories(estimator):
        return LoadError(
            f"{path.name}: an XGBoost model that takes pandas categories, whose levels a pickle does not tell",
            code="unsupported-model",
            hint="save it with model.save_model('model.ubj'), which tells them, and serve that file",
        )
    if written_by is not None:
        return LoadError(
            f"{path.name}: written with scikit-learn {written_by}; loads with {sklearn.__version__} "
            f"but cannot predict: {type(exc).__name__}: {exc}",
            code="wrong-version",
            hint=another_scikit_learn(written_by, sklearn.__version__),
        )
    return LoadError(
        f"{path.name}: the model cannot predict a made-up row: {type(exc).__name__}: {exc}",
        code="cannot-predict",
        hint="was it fitted before it was saved? Try its predict where it was trained",
    )
