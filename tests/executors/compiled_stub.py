"""A stub beside a compiled model that a test can load without a prepare child."""

from pathlib import Path

import numpy as np

from gateway.artifacts.manifest import CompiledModel
from gateway.runtimes import storage
from gateway.runtimes.additive import AdditiveProgram, NumberPart
from gateway.runtimes.answering import AnswerForm
from gateway.runtimes.base import Draft
from gateway.schema import Field, Output, Signature


def compiled_times(path: Path, factor: float) -> CompiledModel:
    """Write a compiled model that answers its input `a` so many times."""
    part = NumberPart(
        column=0, slope=np.array([factor]), shift=np.zeros(1), missing=np.zeros(1), takes_missing=True,
        at=np.zeros(0), heights=np.zeros((0, 1)), limits=(-np.inf, np.inf),
    )  # fmt: skip
    program = AdditiveProgram(
        width=1, intercept=np.zeros(1), parts=[part], links=[], after=None, answer=AnswerForm(kind="regression")
    )
    signature = Signature(inputs=(Field(name="a"),), output=Output())
    sha256 = storage.write(path, Draft(runtime="additive", program=program, signature=signature))
    return CompiledModel(
        compiler="stub", runtime="additive", path=str(path), sha256=sha256, rows_proven=1, max_difference=0.0,
        gain=2.0, predict_s=1e-5, ties=0, complete=True, batch_gain=1.0, size_bytes=1, uses=(),
    )  # fmt: skip
