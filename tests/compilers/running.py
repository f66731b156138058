"""Run a draft as it was lowered, without the file in between."""

from gateway.runtimes import runtime_named
from gateway.runtimes.base import Draft
from gateway.schema import Predictor


def make_compiled(draft: Draft) -> Predictor:
    """Return a predictor that runs a draft."""
    return runtime_named(draft.runtime)(draft.program, draft.signature)
