"""
Which routes have their model elsewhere, and what prepares these instead of a loader.

Names only: nothing that asks servers is imported where no route needs it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from gateway.artifacts.manifest import ExplanationReport
from gateway.artifacts.remote import Remote
from gateway.artifacts.remote_tensors import tensors_of
from gateway.errors import LoadError
from gateway.prepare.compilation import compile_required
from gateway.prepare.entry import Entry
from gateway.registry.spec import RouteSpec
from gateway.schema import Predictor

if TYPE_CHECKING:
    from gateway.prepare.remote_predictor import RemotePredictor

ELSEWHERE: Final = "the model does not run in this process"
UNEXPLAINED: Final = ExplanationReport(
    reason=f"{ELSEWHERE}, and its protocol answers no contributions",
    instead="a route with executor: local explains models whose files are here",
)
#: Kind of executor -> module of its `predictor_of(entry)`.
_PREDICTORS: Final[Mapping[str, str]] = {
    "h2o_server": "gateway.prepare.h2o_server_predictor",
    "process": "gateway.prepare.process_predictor",
    "upstream": "gateway.prepare.upstream_predictor",
}


def is_remote(spec: RouteSpec) -> bool:
    """Say whether a server is asked while the route is prepared; a cluster serves what was prepared here."""
    return spec.executor.kind not in ("local", "ray")


def predictor_of(entry: Entry) -> "RemotePredictor":
    """Return the predictor of an entry whose model runs elsewhere; raises GatewayError."""
    found = import_module(_PREDICTORS[entry.spec.executor.kind]).predictor_of
    return cast("Callable[[Entry], RemotePredictor]", found)(entry)


def remote_of(predictor: Predictor, spec: RouteSpec) -> Remote | None:
    """Return where a predictor asks, None for one of a loader; raises LoadError where it answered nonsense."""
    if spec.executor.kind == "ray":
        return _on_cluster(predictor, spec)
    if not hasattr(predictor, "remote"):
        return None
    found = cast("RemotePredictor", predictor)
    found.must_keep_to_its_metadata()
    return found.remote


def _on_cluster(predictor: Predictor, spec: RouteSpec) -> Remote:
    """Return the tensors of a model that a cluster is to serve; raises LoadError where its answers have none."""
    output = predictor.signature.output
    if any(part.probabilities or part.width for part in output.parts):
        raise LoadError(
            "a model with probabilities or lists for each of several outputs has no form in the protocol of clusters",
            code="executor-metadata",
            hint="serve it in the workers: delete `executor`, or write `executor: local` where defaults name another",
        )
    return Remote(kind="ray", model=spec.name, binary=True, tensors=tensors_of(predictor.signature))


@contextmanager
def closing(predictor: Predictor) -> Iterator[None]:
    """End what was started for a predictor after the block; one of a loader has nothing to end."""
    try:
        yield
    finally:
        end = getattr(predictor, "close", None)
        if end is not None:
            end()


def decline_compiling(spec: RouteSpec) -> str:
    """Return why there is no compiled model; raises LoadError where the route requires one."""
    if spec.compile == "require":
        raise compile_required(ELSEWHERE)
    return ELSEWHERE
