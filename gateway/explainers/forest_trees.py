"""Reads the trees of scikit-learn's models in the form of tree_levels.Tree."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gateway.explainers.tree_levels import Floats, Tree

#: Models that are one tree.
SINGLE: Final = frozenset(
    {"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"}
)


def leaves_of(tree: Any) -> Floats:
    """Return what a tree of sklearn.tree answers at its nodes (nodes, outputs or classes)."""
    values = np.asarray(tree.value, dtype=np.float64)
    return values.reshape(len(values), -1)


def read_tree(tree: Any, values: Floats, columns: npt.NDArray[Any] | None = None) -> Tree:
    """Return a tree of sklearn.tree with other leaves; `columns` are those of the model that the tree was fitted on."""
    nodes = tree.__getstate__()["nodes"]
    feature = np.maximum(nodes["feature"], 0)
    return Tree(
        left=nodes["left_child"],
        right=nodes["right_child"],
        feature=feature if columns is None else np.asarray(columns)[feature],
        threshold=nodes["threshold"],
        nan_left=nodes["missing_go_to_left"].astype(bool),
        cover=nodes["weighted_n_node_samples"],
        values=values,
    )


def histogram_trees(model: Any, output: int) -> Iterator[Tree]:
    """Yield the trees of one output of histogram boosting, in the columns of the model."""
    columns = _columns(model)
    known = _known_codes(model)
    for stage in model._predictors:
        part = stage[output]
        nodes = part.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        left = np.where(is_leaf, -1, nodes["left"].astype(np.int64))
        missing = nodes["missing_go_to_left"].astype(bool)
        asked = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf)
        yield Tree(
            left=left,
            right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
            feature=columns[nodes["feature_idx"]],
            threshold=nodes["num_threshold"],
            nan_left=missing,
            cover=nodes["count"].astype(np.float64),
            values=nodes["value"].astype(np.float64)[:, None],
            codes={
                node: _bits(part.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
                # A code that training did not see goes as a missing value does.
                | (~known[int(nodes["feature_idx"][node])] & missing[node])
                for node in asked.tolist()
            },
        )


def histogram_rows(model: Any, x: Any) -> Floats:
    """Return the values that histogram boosting compares, in its columns: codes of categories, numbers as float64."""
    made = np.asarray(model._preprocess_X(x, reset=False), dtype=np.float64)
    found = np.empty_like(made)
    found[:, _columns(model)] = made
    return found


def _columns(model: Any) -> npt.NDArray[np.intp]:
    """Return the columns of the model in the order in which its trees number them: categories first."""
    if getattr(model, "_preprocessor", None) is None:
        return np.arange(model.n_features_in_)
    categorical = np.asarray(model.is_categorical_, dtype=bool)
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _known_codes(model: Any) -> dict[int, npt.NDArray[np.bool_]]:
    """Return which codes training saw, by the number of a categorical feature."""
    mapper = model._bin_mapper
    if mapper.is_categorical_ is None or not np.any(mapper.is_categorical_):
        return {}
    bitsets, places = mapper.make_known_categories_bitsets()
    return {int(i): _bits(bitsets[places[i]]) for i in np.flatnonzero(mapper.is_categorical_)}


def _bits(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little").astype(bool)
