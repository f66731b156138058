"""
Dataclasses of a parsed registry.yaml; the annotation of each field describes its key.

Knows no YAML and no artifact.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from gateway.artifacts.mlflow_reference import is_reference
from gateway.artifacts.resolution import Resolution
from gateway.registry.executor_keys import LOCAL, ExecutorKeys
from gateway.registry.key_definition import Key
from gateway.registry.limit_keys import UNLIMITED, LimitKeys
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.reading_keys import STRICT, ReadingKeys
from gateway.registry.server_keys import PLAIN, ServerSpec

Scalar: TypeAlias = str | int | float | bool
JSON: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

NAME_PATTERN = "[a-z0-9][a-z0-9._-]*"
VERSION_PATTERN = r"(unknown|\d+(\.\w+)+)(, *(unknown|\d+(\.\w+)+))*"
SHA256_PATTERN = "[0-9a-fA-F]{64}"
TYPE_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+"
#: No call should hang for longer than an hour; a forgotten unit (ms) shows here.
_LONGEST_S = 3600
#: A worker has one process; more concurrent predicts than this are a typing error.
_MOST_AT_ONCE = 1024
_MOST_WAITING = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKeys:
    """Hold the `outputs` of a route; keys that are None are taken from the artifact."""

    labels: Annotated[
        tuple[Scalar, ...] | None, Key("names of the classes, in the order of the artifact's classes", "scalars")
    ] = None
    positive: Annotated[Scalar | None, Key("the class that `threshold` is about", "scalar")] = None
    threshold: Annotated[float | None, Key("probability that makes `positive` the answer", minimum=0, maximum=1)] = None
    names: Annotated[
        tuple[str, ...] | None, Key("names of the outputs of a model with several, in the artifact's order", "texts")
    ] = None
    use: Annotated[
        tuple[str, ...] | None, Key("which outputs of a model with several are answered, in this order", "texts")
    ] = None
    unit: Annotated[str | None, Key("unit of a regression value")] = None
    decimals: Annotated[int | None, Key("decimals that numbers of an answer keep", minimum=0, maximum=15)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """
    Hold one route as registry.yaml describes it, with all defaults filled in.

    Ids of generations depend on the order of these fields.
    """

    path: str
    """Public path, starts with '/'."""
    name: Annotated[
        str,
        Key(
            "metric label and V2 model name; the path without its first '/', inner slashes become '-'",
            pattern=NAME_PATTERN,
        ),
    ]
    artifact: Annotated[
        str | tuple[str, ...],
        Key(
            "file or folder, relative to the registry, or `file.py:name`; a list of files that make one model, in the "
            "order in which a row passes them; or a reference into MLflow, such as `mlflow:models:/churn@champion`",
            "text_or_list",
        ),
    ]
    loader: Annotated[str, Key("which loader reads the artifact; inferred from it when absent")]
    description: Annotated[str, Key("one sentence for catalog and docs")] = ""
    version: Annotated[
        str | None, Key("shown in catalog and V2; 12 hex digits of the artifact's sha256 when absent")
    ] = None
    aliases: Annotated[tuple[str, ...], Key("further paths with the same behaviour", "texts")] = ()
    # Keywords are in the spelling of the registry (minLength).
    inputs: Annotated[
        dict[str, dict[str, Any]], Key("field -> keywords, merged over what the artifact says", "section")
    ] = field(default_factory=dict)
    outputs: Annotated[OutputKeys, Key("how answers are to be read", "section")] = OutputKeys()
    reading: Annotated[ReadingKeys, Key("how texts are read; each key beats that of `server.reading`", "section")] = (
        STRICT
    )
    response: Annotated[JSON, Key("template of an answer", "json")] = None
    id_fields: Annotated[tuple[str, ...], Key("names under which a row id may come", "section", name="id")] = ()
    batch: Annotated[Literal["wrapped", "list", "by_id"], Key("shape of the answer to a batch")] = "wrapped"
    sha256: Annotated[
        str | tuple[str, ...] | None,
        Key(
            "pin of the artifact; a list in the same order for a list of files", "text_or_list", pattern=SHA256_PATTERN
        ),
    ] = None
    allow_pickle: Annotated[
        bool, Key("opt-in for pickle formats; they also need `sha256`, which a reference brings itself")
    ] = False
    allow_code: Annotated[
        bool,
        Key(
            "opt-in for models whose file names code beyond what models consist of; with executor: process, beside "
            "`sha256` and, for pickles, `allow_pickle`"
        ),
    ] = False
    allow_types: Annotated[
        tuple[str, ...],
        Key(
            "classes of other installed packages that a skops file may hold, by full name, such as "
            "`category_encoders.ordinal.OrdinalEncoder`",
            "texts",
            pattern=TYPE_PATTERN,
        ),
    ] = ()
    accept_version: Annotated[
        str | None,
        Key(
            "other library version that wrote the artifact, exactly as the fault `unproven-version` names it: serve it "
            "unchecked; what answers as probabilities must be some all the same",
            pattern=VERSION_PATTERN,
        ),
    ] = None
    files: Annotated[
        tuple[str, ...],
        Key(
            "Python routes: files that the code reads besides those that a run of it shows, from the folder of the "
            "code or else of the registry, such as `[weights.json, data/*.csv]`; with executor: process also modules "
            "that define what the model is made of",
            "texts",
        ),
    ] = ()
    trial: Annotated[
        Literal["auto", "golden", "off"],
        Key("Python routes: rows that preparing may call the function with: made-up ones too, golden ones only, none"),
    ] = "auto"
    steps: Annotated[
        tuple[str, ...],
        Key(
            "of a file that holds a dict or tuple: the keys (or places, from 0) that a row passes, in order, the model "
            "last",
            "texts",
        ),
    ] = ()
    golden: Annotated[str | None, Key("self-test rows; `golden.json` beside the artifact when absent and there")] = None
    card: Annotated[
        str | None, Key("markdown file about the model, for its page; `README.md` beside the artifact when absent")
    ] = None
    tolerance: Annotated[float | None, Key("largest difference self-test and compiled model may show", minimum=0)] = (
        None
    )
    compile: Annotated[Literal["auto", "off", "require"], Key("whether a faster compiled model may serve")] = "auto"
    timeout_s: Annotated[
        float,
        Key(
            "deadline of one call, or of one chunk of a batch, in seconds",
            above=0,
            maximum=_LONGEST_S,
            in_defaults=True,
        ),
    ] = 5.0
    max_concurrency: Annotated[
        int,
        Key(
            "predicts of this route at the same time, per worker; 64 of them at most run at once",
            minimum=1,
            maximum=_MOST_AT_ONCE,
            in_defaults=True,
        ),
    ] = 2
    max_queue: Annotated[
        int,
        Key("calls of this route that may wait, per worker", minimum=0, maximum=_MOST_WAITING, in_defaults=True),
    ] = 16
    max_rows: Annotated[int, Key("rows of one batch", minimum=1, maximum=10**9, in_defaults=True)] = 100_000
    load: Annotated[Literal["eager", "lazy"], Key("load at start, or at the first request")] = "eager"
    critical: Annotated[bool, Key("whether the gateway is unready while this route is")] = False
    pages: Annotated[
        tuple[str, ...],
        Key("further paths that answer a browser with the page of the route, and everybody else as the route", "texts"),
    ] = ()
    plot: Annotated[PlotKeys | None, Key("picture beside an answer, in the console", "section")] = None
    executor: Annotated[
        ExecutorKeys, Key("where predicts run; a bare text is the kind", "section", in_defaults=True)
    ] = LOCAL
    limits: Annotated[
        LimitKeys, Key("what one caller may use of the route, over all workers", "section", in_defaults=True)
    ] = UNLIMITED
    base: str = "."
    """Absolute folder that relative paths start from: the registry's."""
    resolved: Resolution | None = None
    """What the artifact names where it is a reference; None until it is resolved, and for files."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the artifact's files as the registry names them; one, unless several make one model."""
        return (self.artifact,) if isinstance(self.artifact, str) else tuple(self.artifact)

    @property
    def is_elsewhere(self) -> bool:
        """Say whether the model is on a server elsewhere, so that the route has no artifact."""
        return self.executor.kind == "upstream"

    @property
    def reference(self) -> str:
        """Return the reference into an MLflow store that names the artifact; "" where it is files."""
        return self.sources[0] if is_reference(self.sources[0]) else ""

    @property
    def places(self) -> tuple[str, ...]:
        """Return where the files of the artifact lie: as the registry names them, or the copy that was resolved."""
        return (self.resolved.path,) if self.reference and self.resolved is not None else self.sources

    @property
    def pins(self) -> tuple[str | None, ...]:
        """Return the pin of each source."""
        if isinstance(self.sha256, tuple):
            return self.sha256
        return (self.sha256,) * len(self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySpec:
    """Hold one parsed registry; routes keep the order of the file."""

    routes: tuple[RouteSpec, ...]
    server: ServerSpec = PLAIN
    version: int = 1


def encoded(spec: RouteSpec) -> bytes:
    """Return the entry as JSON for comparison: tuples and lists become equal."""
    return msgspec.json.encode(spec, order="sorted")
