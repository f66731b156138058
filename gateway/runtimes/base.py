"""
The shape of this folder: a runtime answers from a draft alone, numpy and ONNX Runtime at hand and no framework.

It is made of a draft's program and signature, and is a Predictor. Knows no route.
"""

from dataclasses import dataclass, field
from typing import Any

from gateway.schema import Column, Signature


@dataclass(slots=True, kw_only=True)
class Draft:
    """
    Hold a compiled model as data: the runtime that can run it, and its program (JSON values, bytes and numpy arrays).

    `rows` are columns that the proof must try beside its own, such as values at the thresholds of trees;
    `uses` are the packages whose versions the compiled model depends on, numpy aside.
    """

    runtime: str
    program: dict[str, Any]
    signature: Signature
    rows: list[list[Column]] = field(default_factory=list)
    uses: tuple[str, ...] = ()
