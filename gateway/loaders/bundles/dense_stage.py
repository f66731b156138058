"""
Puts `.toarray()` where a person wrote it: between steps that give a sparse table and what was trained on a dense one.

People save the vectorizer and the model; the line between them is in neither file.
"""

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder
from sklearn.utils import get_tags

from gateway.loaders.bundles.widths import takes_no_columns
from gateway.loaders.sklearn_tracing import wrapped
from gateway.loaders.xgboost_density import is_trained_on_dense


class ToDense(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Hand a table on as an array."""

    def fit(self, table: Any, target: Any = None) -> "ToDense":
        """Learn nothing."""
        return self

    def transform(self, table: Any) -> Any:
        """Return the table with its zeros written out."""
        return table.toarray() if hasattr(table, "toarray") else table

    def __sklearn_is_fitted__(self) -> bool:
        return True


def with_dense(steps: Sequence[Any], model: Any) -> tuple[Any, ...]:
    """Return the steps in front of a model, with a sparse table made dense where the next part takes no other."""
    made: list[Any] = []
    is_sparse = False
    for part in [*steps, model]:
        if is_sparse and takes_dense_only(part, is_of_words=takes_no_columns(steps[0])):
            made.append(ToDense())
            is_sparse = False
        is_sparse = is_sparse or gives_sparse(part)
        made.append(part)
    return tuple(made[:-1])


def gives_sparse(step: Any) -> bool:
    """Say whether a fitted step may make a sparse table of a dense one, of texts or of dicts."""
    if isinstance(step, Pipeline):
        return any(gives_sparse(part) for _, part in step.steps)
    if isinstance(step, FeatureUnion):
        return any(gives_sparse(part) for _, part in step.transformer_list)
    if isinstance(step, DictVectorizer):
        return bool(step.sparse)
    if isinstance(step, CountVectorizer | HashingVectorizer | FeatureHasher):
        return True
    if isinstance(step, OneHotEncoder):
        return bool(step.sparse_output)
    if isinstance(step, KBinsDiscretizer):
        return str(step.encode) == "onehot"
    return bool(getattr(step, "sparse_output_", False))


def takes_dense_only(part: Any, *, is_of_words: bool) -> bool:
    """Say whether a fitted part refuses a sparse table, or would answer it otherwise than what it was trained on."""
    inner = part
    while (found := wrapped(inner)) is not None:
        inner = found
    if type(inner).__module__.partition(".")[0] == "xgboost":
        return is_trained_on_dense(inner.get_booster(), is_of_words=is_of_words)
    if not isinstance(inner, BaseEstimator):
        return False
    try:
        return not get_tags(part).input_tags.sparse
    except Exception:  # an estimator of another library tells what it takes in its own way, or not at all
        return False
