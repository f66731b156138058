"""
Follows the columns of a feature matrix back to the fields that they are made of, through fitted scikit-learn steps.

A column that is made of one field alone gives its contribution to that field; one of several fields has no owner, and
what made it is refused by name. Looks at fitted attributes only.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gateway.errors import NotExplainable
from gateway.estimators.wrappers import is_nothing, is_pipeline


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """
    Say which fields a column is made of, and by which step, where they are several.

    `token` is the term of a text that it counts.
    """

    fields: frozenset[int]
    token: str | None = None
    by: str = ""


Columns = list[MatrixColumn]

#: Each column that they give is made of the one in the same place.
_COLUMN_BY_COLUMN: Final = {
    "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "PowerTransformer", "QuantileTransformer",
    "Binarizer", "OrdinalEncoder", "ToDense",
}  # fmt: skip
#: A column stays what it was, but its amount depends on the others of its row.
_ROW_BY_ROW: Final = {"Normalizer", "TfidfTransformer"}
#: What a step that mixes fields could be replaced by.
_INSTEAD: Final = {
    "KNNImputer": "SimpleImputer fills the gaps of a field from that field alone",
    "IterativeImputer": "SimpleImputer fills the gaps of a field from that field alone",
    "Normalizer": "StandardScaler and MinMaxScaler act on each column alone",
    "PolynomialFeatures": "SplineTransformer makes curves of each field alone, and trees find interactions themselves",
    "PCA": "train the last step on the columns themselves, or project each group of columns of one field alone",
}
_PROJECTION: Final = "leave it out, or apply it to the columns of one field alone"


def columns_behind(steps: Iterable[Any], columns: Columns, names: Sequence[str]) -> Columns:
    """
    Return the columns behind all steps; raises NotExplainable for a step whose columns cannot be told.

    `names` are those of the fields, for what makes columns of dicts.
    """
    for step in steps:
        columns = _behind(step, columns, names)
    return columns


def owners_of(columns: Columns, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the field of each column, -1 where it is always the same; raises NotExplainable for one of several."""
    for column in columns:
        if len(column.fields) > 1:
            shown = [names[place] for place in sorted(column.fields)]
            listed = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")  # noqa: PLR2004
            raise NotExplainable(
                f"{column.by} makes a column of several fields at once ({listed}), whose part belongs to none of them",
                _INSTEAD.get(column.by, _PROJECTION),
            )
    return np.array([next(iter(column.fields), -1) for column in columns], dtype=np.int64)


def _behind(step: Any, columns: Columns, names: Sequence[str]) -> Columns:
    if is_nothing(step) or hasattr(step, "fit_resample"):
        return columns
    if isinstance(step, str):  # "drop"
        return []
    if is_pipeline(step):
        return columns_behind([part for _, part in step.steps], columns, names)
    kind = type(step).__name__
    if kind == "ColumnTransformer":
        places = step._transformer_to_input_indices
        parts = [(part, [columns[i] for i in places.get(name, ())]) for name, part, _ in step.transformers_]
        return [one for part, own in parts if own for one in _behind(part, own, names)]
    if kind == "FeatureUnion":
        return [one for _, part in step.transformer_list for one in _behind(part, columns, names)]
    if kind == "FrozenEstimator":
        return _behind(step.estimator, columns, names)
    if kind == "DictVectorizer":
        return _of_dicts(step, names)
    if hasattr(step, "get_support") and len(chosen := step.get_support()) == len(columns):
        return [column for column, is_kept in zip(columns, chosen, strict=True) if is_kept]
    return _STEPS.get(kind, _mixed)(step, columns)


def _mixed(step: Any, columns: Columns) -> Columns:
    """Any other step: each column may be made of all."""
    kind = type(step).__name__
    try:
        width = len(step.get_feature_names_out())
    except Exception as error:  # AttributeError, NotFittedError, or what a class of one's own raises
        raise NotExplainable(f"{kind} does not tell which columns it makes", "leave it out") from error
    return [_together(step, columns)] * width


def _together(step: Any, columns: Columns, token: str | None = None) -> MatrixColumn:
    known = {column.by for column in columns if len(column.fields) > 1}
    by = next(iter(known)) if known else type(step).__name__
    return MatrixColumn(frozenset().union(*(column.fields for column in columns)), token, by)


def _same(step: Any, columns: Columns) -> Columns:
    return columns


def _row_by_row(step: Any, columns: Columns) -> Columns:
    if getattr(step, "norm", None) is None:
        return columns
    together = _together(step, columns)
    return [MatrixColumn(together.fields, column.token, together.by) for column in columns]


def _repeated(widths: Sequence[int], columns: Columns) -> Columns:
    return [column for column, width in zip(columns, widths, strict=True) for _ in range(int(width))]


def _one_hot(step: Any, columns: Columns) -> Columns:
    return _repeated(step._n_features_outs, columns)


def _bins(step: Any, columns: Columns) -> Columns:
    return columns if step.encode == "ordinal" else _repeated(step.n_bins_, columns)


def _splines(step: Any, columns: Columns) -> Columns:
    return _repeated([step.n_features_out_ // len(columns)] * len(columns), columns)


def _target_encoder(step: Any, columns: Columns) -> Columns:
    return _repeated([len(step.encodings_) // len(columns)] * len(columns), columns)


def _impute(step: Any, columns: Columns) -> Columns:
    kept = columns
    if step.strategy != "constant" and not step.keep_empty_features:
        fills = np.asarray(step.statistics_).tolist()
        kept = [column for column, fill in zip(columns, fills, strict=True) if fill == fill]  # noqa: PLR0124 - NaN
    return kept + (_indicators(step.indicator_, columns) if step.add_indicator else [])


def _indicators(step: Any, columns: Columns) -> Columns:
    return [columns[int(place)] for place in step.features_]


def _function(step: Any, columns: Columns) -> Columns:
    is_by_cell = step.func is None or (isinstance(step.func, np.ufunc) and step.func.nin == 1 and not step.kw_args)
    return columns if is_by_cell else _mixed(step, columns)


def _powers(step: Any, columns: Columns) -> Columns:
    made = [[column for column, power in zip(columns, row, strict=True) if power] for row in step.powers_]
    return [_together(step, sources) if len(sources) != 1 else sources[0] for sources in made]


def _words(step: Any, columns: Columns) -> Columns:
    together = _together(step, columns)
    return [MatrixColumn(together.fields, str(token), together.by) for token in step.get_feature_names_out()]


def _hashes(step: Any, columns: Columns) -> Columns:
    return [_together(step, columns)] * int(step.n_features)


def _of_dicts(step: Any, names: Sequence[str]) -> Columns:
    places = {name: place for place, name in enumerate(names)}
    separator = str(step.separator)
    found = [places[str(name).partition(separator)[0]] for name in step.feature_names_]
    return [MatrixColumn(frozenset({place})) for place in found]


_STEPS: Final[dict[str, Callable[[Any, Columns], Columns]]] = {
    **dict.fromkeys(_COLUMN_BY_COLUMN, _same),
    **dict.fromkeys(_ROW_BY_ROW, _row_by_row),
    "OneHotEncoder": _one_hot,
    "KBinsDiscretizer": _bins,
    "SplineTransformer": _splines,
    "TargetEncoder": _target_encoder,
    "SimpleImputer": _impute,
    "MissingIndicator": _indicators,
    "FunctionTransformer": _function,
    "PolynomialFeatures": _powers,
    "CountVectorizer": _words,
    "TfidfVectorizer": _words,
    "HashingVectorizer": _hashes,
}
