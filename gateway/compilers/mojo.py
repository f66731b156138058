"""
Lowers H2O MOJOs to leaf masks and linear terms: GBM, DRF, GLM and stacked ensembles of them, without Java.

Runs while preparing. Workers with such a compiled model start no JVM.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.compilers.mojo_parts import Linear, Part, Parts, read_parts
from gateway.compilers.mojo_rows import probes
from gateway.compilers.mojo_trees import MojoTree, Split
from gateway.runtimes.base import Draft
from gateway.runtimes.leaf_masks import WORD_BITS
from gateway.schema import Signature

#: Bytes of the masks; beyond it they leave the caches of the processor, and workers grow.
MAX_TABLE = 64 * 1024 * 1024
#: Rows of the table that columns of few values may share: more of them save less than they take of the cache.
MAX_GROUP = 600
_WORD_BYTES = 8
_ALL = 2**WORD_BITS - 1


class MojoCompiler:
    """Compile the MOJOs whose scores are sums of leaves and of weighted columns."""

    name: ClassVar[str] = "h2o_mojo"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of a MOJO."""
        signature: Signature = predictor.signature
        levels = [len(field.enum or ()) if field.type == "string" else 0 for field in signature.inputs]
        parts = read_parts(predictor.archive, signature.names, levels)
        return Draft(
            runtime="mojo",
            program=_program(parts, signature, levels),
            signature=signature,
            rows=probes(parts, signature, levels),
        )


def _program(parts: Parts, signature: Signature, levels: Sequence[int]) -> dict[str, Any]:
    trees = [(model, sums) for model in parts.models for sums in model.trees]
    thresholds = _thresholds(parts, len(levels))
    columns = [
        {"levels": list(field.enum or ())} if field.type == "string" else {"thresholds": thresholds[at]}
        for at, field in enumerate(signature.inputs)
    ]
    linear, members, first = _Linear(levels), [], 0
    forest = sum(len(model.trees) for model in parts.models)
    for model in parts.models:
        # The sums of all forests come first, then those of the linear models.
        if model.linear is None:
            at = range(first, first + len(model.trees))
            first = at.stop
        else:
            at = linear.add(model.linear, forest)
        members.append({"at": list(at), "start": model.start, "divide": model.divide, "link": model.link})
    return {
        "columns": columns,
        "forest": _forest(trees, thresholds, levels) if trees else None,
        "linear": linear.program(),
        "members": members,
        "stack": _stack(parts),
        "answer": _answer(signature),
    }


def _answer(signature: Signature) -> dict[str, Any]:
    output = signature.output
    return {"kind": output.kind, "classes": len(output.labels), "threshold": output.threshold}


def _stack(parts: Parts) -> dict[str, Any] | None:
    stack = parts.stack
    if stack is None:
        return None
    return {"weights": stack.weights, "intercepts": stack.intercepts, "link": stack.link, "logit": stack.logit}


class _Linear:
    """Gather the GLMs as one: for each level and each number a weight per sum of each GLM."""

    def __init__(self, levels: Sequence[int]) -> None:
        self._levels = levels
        self._models: list[tuple[Linear, slice]] = []
        self._width = 0

    def add(self, model: Linear, before: int) -> range:
        """Add a model; return where its sums stand when `before` others come first."""
        start = self._width
        self._width += len(model.intercepts)
        self._models.append((model, slice(start, self._width)))
        return range(before + start, before + self._width)

    def program(self) -> dict[str, Any] | None:
        """Return what the compiled model adds up; None without a model."""
        if not self._models:
            return None
        terms: list[dict[str, Any]] = []
        for column, levels in enumerate(self._levels):
            weights = np.zeros((levels + 1, self._width) if levels else self._width)
            means, is_used = np.zeros(self._width), False
            for model, at in self._models:
                if column in model.levels:
                    weights[:, at] = model.levels[column]
                elif column in model.numbers:
                    weights[at], means[at] = model.numbers[column]
                else:
                    continue
                is_used = True
            if is_used:
                terms.append({"column": column, "weights": weights, "means": means})
        return {"intercepts": np.concatenate([model.intercepts for model, _ in self._models]), "terms": terms}


def _thresholds(parts: Parts, width: int) -> list[npt.NDArray[np.float64]]:
    found: list[set[float]] = [set() for _ in range(width)]
    for model in parts.models:
        for sums in model.trees:
            for tree in sums:
                for split in tree.splits:
                    if split.threshold is not None:
                        found[model.columns[split.column]].add(split.threshold)
    if any(value != value for values in found for value in values):  # noqa: PLR0124 - NaN
        raise Declined("a threshold of a tree is not a number")
    return [np.array(sorted(values), dtype=np.float64) for values in found]


def _forest(
    trees: Sequence[tuple[Part, Sequence[MojoTree]]],
    thresholds: Sequence[npt.NDArray[np.float64]],
    levels: Sequence[int],
) -> dict[str, Any]:
    """Return the table of masks: per column, or group of columns, a row for each value that it can take."""
    if min(len(sums) for _, sums in trees) == 0:
        raise Declined("a class of the MOJO has no trees")
    used = {model.columns[split.column] for model, sums in trees for tree in sums for split in tree.splits} or {0}
    sizes = {column: (levels[column] or len(thresholds[column]) + 1) + 1 for column in used}
    words = sum(-(-len(tree.leaves) // WORD_BITS) for _, sums in trees for tree in sums)
    grouped = _groups(sizes)
    if sum(math.prod(sizes[column] for column in group) for group in grouped) * words * _WORD_BYTES > MAX_TABLE:
        grouped = [[column] for column in sizes]
    if sum(sizes.values()) * words * _WORD_BYTES > MAX_TABLE:
        raise Declined(f"the trees need a table of more than {MAX_TABLE >> 20} MB")
    masks = {column: np.full((size, words), _ALL, dtype=np.uint64) for column, size in sizes.items()}
    leaves = np.zeros((words, WORD_BITS + 1))
    starts, word = [], 0
    for model, sums in trees:
        starts.append(word)
        for tree in sums:
            count = -(-len(tree.leaves) // WORD_BITS)
            here = slice(word, word + count)
            _fill_leaves(leaves[here], tree.leaves)
            masks[min(used)][:, here] &= _mask(0, len(tree.leaves), count)
            for split in tree.splits:
                column = model.columns[split.column]
                _rule_out(masks[column][:, here], split, thresholds[column], levels[column])
            word += count
    groups, tables, offset = [], [], 0
    for group in grouped:
        table = masks[group[0]]
        for column in group[1:]:
            table = (table[:, None] & masks[column][None]).reshape(-1, words)
        groups.append({"columns": group, "sizes": [sizes[column] for column in group], "offset": offset})
        tables.append(table)
        offset += len(table)
    return {
        "table": np.concatenate(tables),
        "leaves": leaves,
        "starts": np.array(starts, dtype=np.int64),
        "groups": groups,
    }


def _groups(sizes: Mapping[int, int]) -> list[list[int]]:
    """Put columns of few values together, so that one row of the table rules out for all of them."""
    groups: list[list[int]] = []
    product = MAX_GROUP + 1
    for column in sorted(sizes, key=lambda one: (sizes[one], one)):
        if product * sizes[column] <= MAX_GROUP:
            groups[-1].append(column)
            product *= sizes[column]
        else:
            groups.append([column])
            product = sizes[column]
    return groups


def _fill_leaves(place: npt.NDArray[np.float64], leaves: Sequence[float]) -> None:
    for number, value in enumerate(leaves):
        place[number // WORD_BITS, number % WORD_BITS] = value


def _mask(first: int, last: int, words: int) -> npt.NDArray[np.uint64]:
    """Return words with the bits from `first` to `last` (exclusive) set."""
    bits = (1 << last) - (1 << first)
    return np.array([bits >> (WORD_BITS * word) & (2**WORD_BITS - 1) for word in range(words)], dtype=np.uint64)


def _rule_out(rows: npt.NDArray[np.uint64], split: Split, thresholds: npt.NDArray[np.float64], levels: int) -> None:
    """Clear, for every value of a column, the leaves on the side of a split that the value does not take."""
    if levels:
        right = split.goes_right(levels)
    else:
        right = np.zeros(len(rows), dtype=np.bool_)
        if split.threshold is not None:
            # The row number counts the thresholds that the value has reached.
            right[int(np.searchsorted(thresholds, split.threshold)) + 1 :] = True
        elif split.known:
            raise Declined("a tree asks a number for its level")
        right[-1] = split.missing_right
    first, middle, last = split.leaves
    words = rows.shape[1]
    rows[right] &= ~_mask(first, middle, words)
    rows[~right] &= ~_mask(middle, last, words)
