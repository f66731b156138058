"""Serves a TorchScript module, which takes one matrix of 32-bit floats; PyTorch is in the environment of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .faults import LoadError
from .frame_model import FrameModel
from .schema import Field, Model
from .spec import Spec


def load_model(spec: Spec) -> Model:
    """Return the model of a file that torch.jit.save wrote."""
    return model_of(torch.jit.load(spec.artifact, map_location="cpu"), spec)


def model_of(found: Any, spec: Spec) -> Model:
    """Return the model of a module: its inputs are those of the registry, or as many as its first weights take."""
    found.eval()
    torch.set_num_threads(1)
    inputs: list[Field] = list(spec.inputs)
    if not inputs:
        weights = next((one for one in found.parameters() if one.ndim == 2), None)
        if weights is None:
            raise LoadError(
                "child-signature",
                "no weights of the module tell how many numbers it takes",
                "declare its inputs at the route, in the order of training: `inputs: {age: {type: number}}`",
            )
        inputs = [Field(name=f"x{i}") for i in range(weights.shape[1])]

    def ask(rows: Any) -> Any:
        with torch.no_grad():
            return found(torch.from_numpy(rows.astype(np.float32))).numpy()

    return FrameModel(ask, inputs, names_known=bool(spec.inputs), takes_matrix=True)
