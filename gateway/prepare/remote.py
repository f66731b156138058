"""
Which routes have their model elsewhere, and what prepares these instead of a loader.

Names only: nothing that asks servers is imported where no route needs it.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from gateway.artifacts.manifest import ExplanationReport
from gateway.artifacts.remote import Remote
from gateway.prepare.compilation import compile_required
from gateway.registry.spec import RouteSpec
from gateway.schema import Predictor

if TYPE_CHECKING:
    from gateway.prepare.remote_predictor import RemotePredictor

ELSEWHERE: Final = "the model does not run in this process"
UNEXPLAINED: Final = ExplanationReport(
    reason=f"{ELSEWHERE}, and its protocol answers no contributions",
    instead="a route with executor: local explains models whose files are here",
)
#: Kind of executor -> module of its `predictor_of(spec, stored)`, where `stored` is what the cache keeps of the model.
_PREDICTORS: Final[Mapping[str, str]] = {"upstream": "gateway.prepare.upstream_predictor"}


def is_remote(spec: RouteSpec) -> bool:
    """Say whether the model of a route runs outside the workers."""
    return spec.executor.kind != "local"


def predictor_of(spec: RouteSpec, stored: Path) -> "RemotePredictor":
    """Return the predictor of a route whose model runs elsewhere; raises LoadError."""
    found = import_module(_PREDICTORS[spec.executor.kind]).predictor_of
    return cast("Callable[[RouteSpec, Path], RemotePredictor]", found)(spec, stored)


def remote_of(predictor: Predictor) -> Remote | None:
    """Return where a predictor asks, None for one of a loader; raises LoadError where it answered nonsense."""
    if not hasattr(predictor, "remote"):
        return None
    found = cast("RemotePredictor", predictor)
    found.must_keep_to_its_metadata()
    return found.remote


def decline_compiling(spec: RouteSpec) -> str:
    """Return why there is no compiled model; raises LoadError where the route requires one."""
    if spec.compile == "require":
        raise compile_required(ELSEWHERE)
    return ELSEWHERE
