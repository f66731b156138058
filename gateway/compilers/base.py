"""
The shapes of this folder: a Compiler lowers a loaded predictor to a Draft; a runtime answers from a draft alone.

Compilers run while preparing and may import frameworks; runtimes run in workers and import numpy and ONNX Runtime at
most. Neither knows a route.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from gateway.schema import Column, Predictions, Signature


class Declined(Exception):
    """Say in one clause why there is no twin; the original serves."""


class Predictor(Protocol):
    """Answer columns, as the predictors of loaders do."""

    signature: Signature

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        ...


@dataclass(slots=True, kw_only=True)
class Draft:
    """
    Hold a twin as data: the runtime that can run it, and its program (JSON values, bytes and numpy arrays).

    `rows` are columns that the proof must try beside its own, such as values at the thresholds of trees;
    `uses` are the packages whose versions the twin depends on, numpy aside.
    """

    runtime: str
    program: dict[str, Any]
    signature: Signature
    rows: list[list[Column]] = field(default_factory=list)
    uses: tuple[str, ...] = ()


class Compiler(Protocol):
    """Lower the predictors of one loader."""

    name: ClassVar[str]

    def lower(self, predictor: Any) -> Draft:
        """Return the draft; raises Declined for what it cannot say exactly."""
        ...
