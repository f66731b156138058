"""
Lowers H2O MOJOs to leaf masks and linear terms: GBM, DRF, GLM and stacked ensembles of them, without Java.

Runs while preparing. Workers with such a compiled model start no JVM.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from gateway.compilers.base import Declined
from gateway.compilers.mojo_masks import masks_of
from gateway.compilers.mojo_parts import Parts, read_parts
from gateway.compilers.mojo_rows import probes
from gateway.estimators.mojo_glm import Linear
from gateway.runtimes.base import Draft
from gateway.runtimes.mojo import LevelColumn, LinearTerm, LinearTerms, MojoProgram, NumberColumn
from gateway.runtimes.mojo_answers import Member, Metalearner, MojoAnswerForm
from gateway.schema import Output, Signature

_HALF = 0.5


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
            program=program_of(parts, signature, levels),
            signature=signature,
            rows=probes(parts, signature, levels),
        )


def program_of(parts: Parts, signature: Signature, levels: Sequence[int]) -> MojoProgram:
    """Return the program of the models inside a MOJO; raises Declined."""
    trees = [(model, sums) for model in parts.models for sums in model.trees]
    thresholds = _thresholds(parts, len(levels))
    columns: list[LevelColumn | NumberColumn] = [
        LevelColumn(list(map(str, field.enum or ()))) if field.type == "string" else NumberColumn(thresholds[at])
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
        members.append(Member(at=list(at), start=model.start, divide=model.divide, link=model.link))
    return MojoProgram(
        columns=columns,
        forest=masks_of(trees, thresholds, levels) if trees else None,
        linear=linear.program(),
        members=members,
        stack=_stack(parts),
        answer=_answer(signature.output),
    )


def _answer(output: Output) -> MojoAnswerForm:
    # Only two classes are parted by a threshold.
    threshold = _HALF if output.threshold is None else output.threshold
    kind: Literal["classification", "regression"] = "regression" if output.kind == "regression" else "classification"
    return MojoAnswerForm(kind=kind, threshold=threshold)


def _stack(parts: Parts) -> Metalearner | None:
    stack = parts.stack
    if stack is None:
        return None
    return Metalearner(weights=stack.weights, intercepts=stack.intercepts, link=stack.link, logit=stack.logit)


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

    def program(self) -> LinearTerms | None:
        """Return what the compiled model adds up; None without a model."""
        if not self._models:
            return None
        terms: list[LinearTerm] = []
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
                terms.append(LinearTerm(column, weights, means))
        return LinearTerms(np.concatenate([model.intercepts for model, _ in self._models]), terms)


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
