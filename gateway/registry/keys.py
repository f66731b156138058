"""
Every key that a registry may hold: the one source of the parser, of the JSON Schema for editors and of the docs.

Defaults are not repeated here: they stand in `spec.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.registry.spec import OutputKeys, RouteSpec, ServerSpec

Kind: TypeAlias = Literal[
    "text",  # a scalar, taken as it is written (`version: 1.10` stays "1.10")
    "flag",
    "number",
    "integer",
    "choice",
    "bytes",  # 33554432 or 32MiB
    "scalar",
    "scalars",  # a list of scalars
    "one_or_more",  # a scalar or a list of scalars
    "texts",  # a list of text
    "text_or_texts",
    "json",
    "section",  # a mapping with rules of its own
    "reserved",
]

NAME_PATTERN = "[a-z0-9][a-z0-9._-]*"
VERSION_PATTERN = r"(unknown|\d+(\.\w+)+)(, *(unknown|\d+(\.\w+)+))*"
SHA256_PATTERN = "[0-9a-fA-F]{64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """
    Describe one key.

    `attribute` is its name in the spec where that differs. `above` excludes the bound itself. `for_types` are the
    field types an input keyword has a meaning for; `in_defaults` admits the key under the top-level `defaults`.
    """

    name: str
    kind: Kind
    doc: str
    attribute: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    for_types: tuple[str, ...] = ()
    in_defaults: bool = False

    @property
    def target(self) -> str:
        """Return the attribute of the spec that holds the value."""
        return self.attribute or self.name


def _table(*keys: Key) -> Mapping[str, Key]:
    return {key.name: key for key in keys}


_NUMERIC = ("number", "integer")
_TEXT = ("string",)
#: No call should hang for longer than an hour; a forgotten unit (ms) shows here.
_LONGEST_S = 3600
#: A worker has one process; more concurrent predicts than this are a typing error.
_MOST_AT_ONCE = 1024
_MOST_WAITING = 100_000

ROUTE_KEYS = _table(
    Key(name="artifact", kind="text", doc="file or folder, relative to the registry, or `file.py:name`"),
    Key(name="loader", kind="text", doc="which loader reads the artifact; inferred from it when absent"),
    Key(
        name="name",
        kind="text",
        pattern=NAME_PATTERN,
        doc="metric label and V2 model name; the path without its first '/', inner slashes become '-'",
    ),
    Key(name="description", kind="text", doc="one sentence for catalog and docs"),
    Key(name="version", kind="text", doc="shown in catalog and V2; 12 hex digits of the artifact's sha256 when absent"),
    Key(name="aliases", kind="texts", doc="further paths with the same behaviour"),
    Key(name="inputs", kind="section", doc="field -> keywords, merged over what the artifact says"),
    Key(name="outputs", kind="section", doc="how answers are to be read"),
    Key(name="response", kind="json", doc="template of an answer"),
    Key(name="id", kind="section", attribute="id_fields", doc="names under which a row id may come"),
    Key(name="batch", kind="choice", choices=("wrapped", "list", "by_id"), doc="shape of the answer to a batch"),
    Key(name="sha256", kind="text", pattern=SHA256_PATTERN, doc="pin of the artifact"),
    Key(name="allow_pickle", kind="flag", doc="opt-in for pickle formats; they also need `sha256`"),
    Key(
        name="accept_version",
        kind="text",
        pattern=VERSION_PATTERN,
        doc="other library version that wrote the artifact, exactly as the fault `unproven-version` names it: serve it "
        "unchecked; what answers as probabilities must be some all the same",
    ),
    Key(name="golden", kind="text", doc="self-test rows; `golden.json` beside the artifact when absent and there"),
    Key(name="tolerance", kind="number", minimum=0, doc="largest difference self-test and compiled model may show"),
    Key(
        name="compile",
        kind="choice",
        choices=("auto", "off", "require"),
        doc="whether a faster compiled model may serve",
    ),
    Key(
        name="timeout_s",
        kind="number",
        above=0,
        maximum=_LONGEST_S,
        in_defaults=True,
        doc="deadline of one call, or of one chunk of a batch, in seconds",
    ),
    Key(
        name="max_concurrency",
        kind="integer",
        minimum=1,
        maximum=_MOST_AT_ONCE,
        in_defaults=True,
        doc="predicts of this route at the same time, per worker",
    ),
    Key(
        name="max_queue",
        kind="integer",
        minimum=0,
        maximum=_MOST_WAITING,
        in_defaults=True,
        doc="calls of this route that may wait, per worker",
    ),
    Key(name="max_rows", kind="integer", minimum=1, maximum=10**9, in_defaults=True, doc="rows of one batch"),
    Key(name="load", kind="choice", choices=("eager", "lazy"), doc="load at start, or at the first request"),
    Key(name="critical", kind="flag", doc="whether the gateway is unready while this route is"),
    Key(name="executor", kind="reserved", doc="where predicts run"),
    Key(name="traffic", kind="reserved", doc="variants of a route"),
    Key(name="plot", kind="reserved", doc="picture of an answer"),
    Key(name="options", kind="reserved", doc="arguments of the loader"),
)

INPUT_KEYS = _table(
    Key(
        name="type",
        kind="choice",
        choices=("number", "integer", "string", "boolean"),
        doc="type of the value; the artifact's when absent",
    ),
    Key(name="enum", kind="scalars", doc="the values that are allowed"),
    Key(name="minimum", kind="number", for_types=_NUMERIC, doc="smallest value"),
    Key(name="maximum", kind="number", for_types=_NUMERIC, doc="largest value"),
    Key(name="exclusiveMinimum", kind="number", for_types=_NUMERIC, doc="every value is greater"),
    Key(name="exclusiveMaximum", kind="number", for_types=_NUMERIC, doc="every value is smaller"),
    Key(name="minLength", kind="integer", minimum=0, for_types=_TEXT, doc="fewest characters"),
    Key(name="maxLength", kind="integer", minimum=0, for_types=_TEXT, doc="most characters"),
    Key(
        name="pattern",
        kind="text",
        for_types=_TEXT,
        doc="regular expression that must be found in the text in one pass: no `\\1`, `(?=…)` only after a first `^`",
    ),
    Key(name="default", kind="scalar", doc="value of an absent field; null: it is missing"),
    Key(name="examples", kind="scalars", doc="values for docs and the printed curl"),
    Key(name="title", kind="text", doc="short name for people"),
    Key(name="description", kind="text", doc="one sentence"),
    Key(name="unit", kind="text", doc="unit of the value"),
    Key(name="aliases", kind="texts", doc="further names of the field in requests"),
    Key(name="missing", kind="one_or_more", doc="values that mean missing; applies before ranges"),
    Key(name="required", kind="flag", doc="whether a request must hold the field"),
    Key(name="nullable", kind="flag", doc="whether the value may be missing (null, an empty CSV cell)"),
    Key(name="unknown", kind="choice", choices=("error", "missing"), doc="what a level outside `enum` becomes"),
)

OUTPUT_KEYS = _table(
    Key(name="labels", kind="scalars", doc="names of the classes, in the order of the artifact's classes"),
    Key(name="positive", kind="scalar", doc="the class that `threshold` is about"),
    Key(name="threshold", kind="number", minimum=0, maximum=1, doc="probability that makes `positive` the answer"),
    Key(name="unit", kind="text", doc="unit of a regression value"),
    Key(name="decimals", kind="integer", minimum=0, maximum=15, doc="decimals that numbers of an answer keep"),
)

ID_KEYS = _table(Key(name="field", kind="text_or_texts", doc="one name or several, tried in order"))

SERVER_KEYS = _table(
    Key(name="cors", kind="text_or_texts", doc="origins that browsers may call from, or '*'"),
    Key(name="max_body_size", kind="bytes", minimum=1, doc="most bytes of a request body, such as 32MiB"),
    Key(name="errors", kind="choice", choices=("full", "redacted"), doc="whether error answers repeat sent values"),
    Key(name="strict", kind="flag", doc="whether unknown names in a JSON row are faults"),
    Key(name="docs", kind="flag", doc="whether /docs is served"),
    Key(name="console", kind="flag", doc="whether the console is served"),
    Key(name="memory_budget", kind="bytes", minimum=1, doc="most bytes of lazily loaded models per worker"),
)

TOP_KEYS = _table(
    Key(name="version", kind="integer", minimum=1, maximum=1, doc="version of this format"),
    Key(name="defaults", kind="section", doc="limits of every route that sets no own"),
    Key(name="server", kind="section", doc="the server as a whole"),
    Key(name="routes", kind="section", doc="path -> model"),
)

DEFAULTS_KEYS = {name: key for name, key in ROUTE_KEYS.items() if key.in_defaults}

#: Which table fills which dataclass; a test holds them together.
TARGETS = ((ROUTE_KEYS, RouteSpec), (OUTPUT_KEYS, OutputKeys), (SERVER_KEYS, ServerSpec))
