"""The frozen content of registry.yaml: one dataclass per level, a sentence per key. Knows no YAML and no artifact."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

JSON: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKeys:
    """Say how the answers of a route are to be read; every key that is None is taken from the artifact."""

    labels: tuple[str | int | float | bool, ...] | None = None
    """Names of the classes, in the order of the artifact's classes."""
    positive: str | int | float | bool | None = None
    """The class that `threshold` is about."""
    threshold: float | None = None
    """Probability of `positive` from which on it is the answer."""
    unit: str | None = None
    """Unit of a regression value, shown in the catalog."""
    decimals: int | None = None
    """Decimals to which numbers of an answer are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """Describe one route as its owner wrote it, with every default filled in."""

    path: str
    """Public path, starts with '/'."""
    name: str
    """Metric label and V2 model name."""
    artifact: str
    """File or folder, relative to the registry, or file.py:name."""
    loader: str
    """Which loader turns the artifact into a predictor."""
    description: str = ""
    """One sentence for the catalog."""
    version: str | None = None
    """Shown in catalog and V2; the first 12 hex digits of the artifact's sha256 when not given."""
    aliases: tuple[str, ...] = ()
    """Further paths with the same behaviour."""
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Field -> keywords, merged over what the artifact says; keys in the spelling of the registry (minLength)."""
    outputs: OutputKeys = OutputKeys()
    """How answers are to be read."""
    response: JSON = None
    """Template of an answer; None means the default answer."""
    id_fields: tuple[str, ...] = ()
    """Names under which a row id may come."""
    batch: Literal["wrapped", "list", "by_id"] = "wrapped"
    """Shape of the answer to a batch."""
    sha256: str | None = None
    """Pin of the artifact."""
    allow_pickle: bool = False
    """Opt-in for pickle formats, which also need the pin."""
    accept_version: str | None = None
    """Version of the library that wrote the artifact, where it is to serve although nothing shows that it is right."""
    golden: str | None = None
    """Self-test rows; golden.json beside the artifact when not given and there."""
    tolerance: float | None = None
    """Largest absolute difference that self-test and compiled model may show."""
    compile: Literal["auto", "off", "require"] = "auto"
    """Whether a proven-equal faster compiled model may serve."""
    timeout_s: float = 5.0
    """Deadline of one call, or of one chunk of a batch."""
    max_concurrency: int = 2
    """Predicts of this route at the same time, per worker."""
    max_queue: int = 16
    """Calls of this route that may wait, per worker."""
    max_rows: int = 100_000
    """Rows of one batch."""
    load: Literal["eager", "lazy"] = "eager"
    """Load at start, or at the first request."""
    critical: bool = False
    """Whether the gateway is unready while this route is."""
    base: str = "."
    """Absolute folder that relative paths start from: the registry's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSpec:
    """Hold what the registry says about the server as a whole."""

    cors: tuple[str, ...] = ()
    """Origins that browsers may call from; none by default."""
    max_body_size: int = 32 * 1024 * 1024
    """Bytes of a request body."""
    errors: Literal["full", "redacted"] = "full"
    """Whether error answers may repeat the values that were sent."""
    strict: bool = True
    """Whether unknown fields of a JSON body are faults."""
    docs: bool = True
    """Whether /docs is served."""
    console: bool = True
    """Whether the console is served."""
    memory_budget: int | None = None
    """Bytes of lazily loaded models a worker may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySpec:
    """Hold one parsed registry: routes in the order of the file."""

    routes: tuple[RouteSpec, ...]
    server: ServerSpec = ServerSpec()
    version: int = 1


def encoded(spec: RouteSpec) -> bytes:
    """Return the entry as JSON, to compare it: one that was read back has lists where the parser makes tuples."""
    return msgspec.json.encode(spec, order="sorted")
