"""
Explainers find the exact parts of a model's answers: one contribution for each field of the signature.

An explanation adds up to what the model answered, or there is none: an explainer refuses by name what it cannot say
exactly. The table of explainers is here and imports no framework; each module is imported when a model needs it.
Further explainers announce themselves by an entry point named after the loader whose predictors they explain.
"""

import importlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, TypeAlias, cast

from gateway.errors import NotExplainable
from gateway.explainers.base import Explainer
from gateway.schema import Output

#: Makes the explainer of a loaded predictor, for what its route answers; raises NotExplainable.
Factory: TypeAlias = Callable[[Any, Output], Explainer]

#: Loader -> module:function of its factory.
EXPLAINERS: Final[dict[str, str]] = {
    "sklearn": "gateway.explainers.sklearn:explainer_of",
    "h2o_mojo": "gateway.explainers.mojo:explainer_of",
    "bundle": "gateway.explainers.sklearn:explainer_of",
    "xgboost": "gateway.explainers.xgboost:explainer_of",
    "lightgbm": "gateway.explainers.lightgbm:explainer_of",
    "catboost": "gateway.explainers.catboost:explainer_of",
    "stub": "gateway.explainers.stub:explainer_of",
}

ENTRY_POINT_GROUP: Final = "gateway.explainers"

#: Why answers of the models of other loaders are not explained, and what could be.
NOT_EXPLAINED: Final[dict[str, tuple[str, str]]] = {
    "onnx": (
        "an ONNX graph does not say how its answer is made up of its inputs",
        "serve the model that the graph was exported from: trees, linear models and boosters are explained",
    ),
    "python": (
        "Python code does not say how its answer is made up of its inputs",
        "serve the model itself as an artifact of its own route: trees, linear models and boosters are explained",
    ),
}

_UNKNOWN: Final = ("no explainer is known for its loader", "trees, linear models and boosters are explained")
_KINDS: Final = {
    "multi_output": "it answers several values, and an explanation is of one",
    "multi_label": "it answers several labels at once, and an explanation is of one",
    "json": "it answers JSON values of its own",
}


def explainer_for(loader: str, predictor: Any, output: Output) -> Explainer:
    """
    Return the explainer of a loaded predictor; raises NotExplainable with the reason.

    `output` is the route's: its `positive` decides which of two labels is explained.
    """
    if not predictor.signature.inputs:
        raise NotExplainable("it takes no input")
    if hasattr(predictor, "expanded"):
        # The registry lets one field stand for several columns: their contributions are its own.
        grouped: type[Any] = _attribute("gateway.explainers.grouped:GroupedExplainer")
        return cast(Explainer, grouped(predictor, explainer_for(loader, predictor.original, output)))
    name = getattr(predictor, "lowered_as", loader)  # a pickle holds models of other frameworks
    for point in _third_party(name):
        return cast(Factory, point.load())(predictor, output)
    if name not in EXPLAINERS:
        raise NotExplainable(*NOT_EXPLAINED.get(name, _UNKNOWN))
    if output.kind in _KINDS:
        raise NotExplainable(_KINDS[output.kind], "give the output to be explained a model and a route of its own")
    return cast(Factory, _attribute(EXPLAINERS[name]))(predictor, output)


@cache
def _third_party(loader: str) -> list[EntryPoint]:
    # Reads the metadata of every installed package.
    return sorted(entry_points(group=ENTRY_POINT_GROUP, name=loader), key=lambda point: point.value)


def explainer_versions(loader: str) -> dict[str, str]:
    """Return the installed versions of the packages that bring further explainers of a loader, importing none."""
    return {point.dist.name: point.dist.version for point in _third_party(loader) if point.dist is not None}


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
