"""Keys of `executor`: where the predicts of a route run, and what each kind of place needs to know."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from gateway.registry.key_definition import Key

ExecutorKind: TypeAlias = Literal["local", "process", "upstream", "h2o_server", "ray"]
#: More processes of one model than this are a typing error.
_MOST_INSTANCES = 64
_MOST_REPLICAS = 1000
#: Keys that say how a cluster serves a model, not which model.
_OF_SERVING: Final = ("replicas", "autoscale", "num_cpus", "max_ongoing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorKeys:
    """Hold the `executor` of a route; keys of other kinds than its own keep their defaults."""

    kind: Annotated[
        ExecutorKind,
        Key("where predicts run: in the workers, a process of its own, another server, an H2O server, a Ray cluster"),
    ] = "local"
    python: Annotated[
        str | None, Key("process: the Python that runs the model, as a version such as `3.9` or as a path")
    ] = None
    requirements: Annotated[
        str | None, Key("process: requirements file of the environment that is built for the model")
    ] = None
    environment: Annotated[
        str | None,
        Key("process: folder of a virtualenv that is there already; ray: that of the environment with Ray"),
    ] = None
    instances: Annotated[
        int, Key("process: how many processes serve the model", minimum=1, maximum=_MOST_INSTANCES)
    ] = 1
    spare: Annotated[
        bool, Key("process: whether a second process is kept ready where one instance takes long to start")
    ] = True
    network: Annotated[bool, Key("process: whether the model may open connections")] = False
    url: Annotated[
        tuple[str, ...], Key("upstream: address of the server, or several of which each can answer", "text_or_texts")
    ] = ()
    model: Annotated[str | None, Key("upstream: name of the model there; that of the route when absent")] = None
    max_batch_size: Annotated[
        int, Key("upstream: most rows of one request, a larger batch goes in parts; 0 for no limit", minimum=0)
    ] = 0
    headers_from: Annotated[
        str | None, Key("upstream: YAML file of headers that every request carries, such as a token")
    ] = None
    ca: Annotated[str | None, Key("upstream: file of the certificates that its certificate is verified with")] = None
    jar: Annotated[
        str | None,
        Key("h2o_server: `h2o.jar` of the release of the model; that of the package h2o when absent"),
    ] = None
    egress: tuple[str, ...] = ()
    """`server.egress_allow`, for a server or a cluster elsewhere."""
    memory: Annotated[int, Key("h2o_server: most bytes of its heap, such as 2GiB", "bytes", minimum=64 * 2**20)] = 2**30
    address: Annotated[str, Key("ray: host and port of the head of the cluster")] = "127.0.0.1:6379"
    token: Annotated[str | None, Key("ray: file of the token of the cluster, which only its owner may read")] = None
    artifacts: Annotated[
        str | None,
        Key("ray: folder or URL that every node reads models from; the cache of the gateway when absent"),
    ] = None
    replicas: Annotated[
        int, Key("ray: how many processes of the cluster serve the model", minimum=1, maximum=_MOST_REPLICAS)
    ] = 1
    autoscale: Annotated[
        tuple[int, int] | None,
        Key(
            "ray: the least and the most replicas, in place of `replicas`", "bounds", minimum=1, maximum=_MOST_REPLICAS
        ),
    ] = None
    num_cpus: Annotated[
        float, Key("ray: CPUs that a replica reserves; bookkeeping of the cluster, and no limit", minimum=0)
    ] = 0.5
    max_ongoing: Annotated[int, Key("ray: calls that one replica takes at a time", minimum=2, maximum=10_000)] = 8

    @property
    def preparing(self) -> dict[str, Any]:
        """Return the values that preparing depends on; how many replicas serve a model may change without it."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_SERVING}

    @property
    def deployment(self) -> dict[str, Any]:
        """Return how a cluster is to serve a model."""
        return {name: getattr(self, name) for name in _OF_SERVING}


#: Kinds whose keys name places on other machines.
LEADS_ELSEWHERE: Final[tuple[ExecutorKind, ...]] = ("upstream", "ray")
#: Predicts run in the workers.
LOCAL: Final = ExecutorKeys()
#: The keys that each kind has beside `kind`.
KEYS_OF: Final[Mapping[ExecutorKind, tuple[str, ...]]] = {
    "local": (),
    "process": ("python", "requirements", "environment", "instances", "spare", "network"),
    "upstream": ("url", "model", "max_batch_size", "headers_from", "ca"),
    "h2o_server": ("jar", "memory"),
    "ray": ("address", "token", "environment", "artifacts", "replicas", "autoscale", "num_cpus", "max_ongoing"),
}
