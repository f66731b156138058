"""
The shape of this folder: a runtime answers from a draft alone, numpy and ONNX Runtime at hand and no framework.

It is made of a draft's program and signature, and is a Predictor; its `decode` reads a program out of a file. Knows no
route.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from gateway.schema import Column, Predictions, Signature


@dataclass(slots=True, kw_only=True)
class Draft:
    """
    Hold a compiled model as data: the runtime that can run it, and its program, a tagged struct of that runtime.

    `rows` are columns that the proof must try beside its own, such as values at the thresholds of trees;
    `uses` are the packages whose versions the compiled model depends on, numpy aside.
    """

    runtime: str
    program: msgspec.Struct
    signature: Signature
    rows: list[list[Column]] = field(default_factory=list)
    uses: tuple[str, ...] = ()


class Runtime(Protocol):
    """Run programs of one kind."""

    signature: Signature

    def __init__(self, program: msgspec.Struct, signature: Signature) -> None: ...

    @staticmethod
    def decode(data: bytes) -> msgspec.Struct:
        """Return a program out of a file; raises ValueError for another shape."""
        ...

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict every instance."""
        ...
