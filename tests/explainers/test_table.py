"""The table of explainers names what exists, and says of every other loader why it has none."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import NotExplainable
from gateway.explainers import EXPLAINERS, NOT_EXPLAINED, explainer_for
from gateway.loaders.table import loader_names
from gateway.schema import Field, Output, Signature


def predictor(*inputs: Field) -> Any:
    """Return what has a signature and nothing else."""
    return SimpleNamespace(signature=Signature(inputs=inputs, output=Output()))


def test_every_entry_is_a_function() -> None:
    """A module that is imported by name only must be there."""
    for target in EXPLAINERS.values():
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_names_are_loaders() -> None:
    """No loader has both an explainer and a reason for none."""
    assert set(EXPLAINERS) | set(NOT_EXPLAINED) <= set(loader_names())
    assert not set(EXPLAINERS) & set(NOT_EXPLAINED)


@pytest.mark.parametrize(
    ("loader", "output", "reason"),
    [
        ("python", Output(), "Python code"),
        ("onnx", Output(), "ONNX graph"),
        ("of-another-package", Output(), "no explainer is known"),
        ("xgboost", Output(kind="multi_output", names=("a", "b")), "several values"),
        ("xgboost", Output(kind="multi_label", names=("a", "b")), "several labels"),
        ("python", Output(kind="json"), "Python code"),
    ],
)
def test_refused_by_name(loader: str, output: Output, reason: str) -> None:
    """The reason says what stands in the way, the hint what could be."""
    with pytest.raises(NotExplainable, match=reason):
        explainer_for(loader, predictor(Field(name="x")), output)


def test_a_model_without_inputs_has_no_parts() -> None:
    """Nothing could be made responsible."""
    with pytest.raises(NotExplainable, match="no input"):
        explainer_for("xgboost", predictor(), Output())
