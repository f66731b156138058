"""All keys of registry.yaml by level: those of the spec, and those that are no field of it."""

from collections.abc import Mapping
from typing import Final

from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.key_definition import Key, keys_of, table
from gateway.registry.limit_keys import LimitKeys, RequestLimitKeys
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.reading_keys import ReadingKeys
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import OutputKeys, RouteSpec

_NUMERIC = ("number", "integer")
_TEXT = ("string",)

_OF_SPEC = keys_of(RouteSpec)
ROUTE_KEYS: Final[Mapping[str, Key]] = {
    # Editors and docs list the artifact first, as people write it.
    **{name: _OF_SPEC[name] for name in ("artifact", "loader")},
    **_OF_SPEC,
    **table(
        traffic=Key("variants of a route", "reserved"),
        options=Key("arguments of the loader", "reserved"),
    ),
}
DEFAULTS_KEYS: Final[Mapping[str, Key]] = {name: key for name, key in ROUTE_KEYS.items() if key.in_defaults}
OUTPUT_KEYS: Final[Mapping[str, Key]] = keys_of(OutputKeys)
READING_KEYS: Final[Mapping[str, Key]] = keys_of(ReadingKeys)
EXECUTOR_KEYS: Final[Mapping[str, Key]] = keys_of(ExecutorKeys)
LIMIT_KEYS: Final[Mapping[str, Key]] = keys_of(LimitKeys)
REQUEST_LIMIT_KEYS: Final[Mapping[str, Key]] = keys_of(RequestLimitKeys)
PLOT_KEYS: Final[Mapping[str, Key]] = keys_of(PlotKeys)
SERVER_KEYS: Final[Mapping[str, Key]] = keys_of(ServerSpec)

INPUT_KEYS: Final[Mapping[str, Key]] = table(
    type=Key(
        "type of the value; the artifact's when absent", "choice", choices=("number", "integer", "string", "boolean")
    ),
    enum=Key("the values that are allowed", "scalars"),
    minimum=Key("smallest value", "number", for_types=_NUMERIC),
    maximum=Key("largest value", "number", for_types=_NUMERIC),
    exclusiveMinimum=Key("every value is greater", "number", for_types=_NUMERIC),
    exclusiveMaximum=Key("every value is smaller", "number", for_types=_NUMERIC),
    minLength=Key("fewest characters", "integer", minimum=0, for_types=_TEXT),
    maxLength=Key("most characters", "integer", minimum=0, for_types=_TEXT),
    pattern=Key(
        "regular expression that must be found in the text in one pass: no `\\1`, `(?=…)` only after a first `^`",
        "text",
        for_types=_TEXT,
    ),
    default=Key("value of an absent field; null: it is missing", "scalar"),
    examples=Key("values for docs and the printed curl", "scalars"),
    title=Key("short name for people", "text"),
    description=Key("one sentence", "text"),
    unit=Key("unit of the value", "text"),
    aliases=Key("further names of the field in requests", "texts"),
    missing=Key("values that mean missing; applies before ranges", "one_or_more"),
    required=Key("whether a request must hold the field", "flag"),
    nullable=Key("whether the value may be missing (null, an empty CSV cell)", "flag"),
    dummies=Key(
        "the field stands for the columns that `pandas.get_dummies` made of it, such as `location_*`; `*` is the level",
        "text",
    ),
    base=Key("with `dummies`: the level whose column `drop_first` dropped", "scalar"),
    unknown=Key("what a level outside `enum` becomes", "choice", choices=("error", "missing")),
)
ID_KEYS: Final[Mapping[str, Key]] = table(field=Key("one name or several, tried in order", "text_or_texts"))
TOP_KEYS: Final[Mapping[str, Key]] = table(
    version=Key("version of this format", "integer", minimum=1, maximum=1),
    defaults=Key("limits of every route that sets no own", "section"),
    server=Key("the server as a whole", "section"),
    routes=Key("path -> model", "section"),
)
