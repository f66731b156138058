"""Which form of answer a client wants: `Accept`, `Prefer`, `_on_error`, `_detail`, `_explain`. Knows no route."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from gateway.answers.explanations import Explain
from gateway.codecs.json_batch import Shape
from gateway.codecs.json_shapes import kind_of
from gateway.errors import Fault, InputError, OptionError
from gateway.rest.errors import RequestError
from gateway.rest.predict.explain_option import preferred_explain

#: Media type -> format, in the order of preference; the first name of a format is the one it is answered with.
FORMATS: Final[Mapping[str, str]] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-parquet": "parquet",
    "application/parquet": "parquet",
    "application/problem+json": "json",
}
OFFERED: Final = tuple(FORMATS)[:5]
#: Formats whose answers are files: tables that repeat the columns of the request.
TABLES: Final = frozenset({"csv", "parquet", "xlsx"})
_QUICK: Final = frozenset({None, "", "*/*", "application/json"})
#: Types of an `Accept` that are looked at: browsers send eight, and each costs 15 us.
MAX_TYPES: Final = 50
_MODES: Final = ("abort", "skip")
_NO_DIGIT: Final = re.compile(r"\bq=\.(?=\d)")


@dataclass(frozen=True, slots=True)
class Preferences:
    """
    Hold the format of the answer, whether bad rows of a batch are skipped, and whether the default answer is added.

    `explain` asks for explanations. `shape` is that of a JSON answer to a batch where a protocol prescribes it;
    otherwise the route's own holds.
    """

    format: str = "json"
    skip: bool = False
    detail: bool = False
    explain: Explain | None = None
    shape: Shape | None = None

    def shape_of(self, own: Shape) -> Shape:
        """Return the shape of a JSON answer by a route whose own is `own`."""
        return self.shape or own

    @property
    def applied(self) -> str:
        """Return the preferences that the answer follows, as `Preference-Applied` says them."""
        told = ["on-error=skip"] * self.skip
        if self.explain is not None and self.explain.preferred:
            told.append("explain" if self.explain.largest is None else f"explain={self.explain.largest}")
        return ", ".join(told)


_PLAIN: Final = Preferences()


def preferences(environ: Mapping[str, Any]) -> Preferences:
    """Read `Accept`, `Prefer` and `?_on_error=` of the current request; raises RequestError 406, OptionError."""
    accept = environ.get("HTTP_ACCEPT")
    if accept in _QUICK and "HTTP_PREFER" not in environ and "_on_error" not in environ["QUERY_STRING"]:
        return _PLAIN
    mode = request.args.get("_on_error")
    if mode is not None and mode not in _MODES:
        raise OptionError([_no_mode(mode, "query._on_error")])
    skip = mode == "skip" or _preferred()
    explain = preferred_explain(environ.get("HTTP_PREFER", ""))
    return Preferences("json" if accept in _QUICK else _format(), skip=skip, explain=explain)


def with_options(wanted: Preferences, options: Mapping[str, Any], at: str) -> Preferences:
    """Return the preferences after the options that came inside the body."""
    mode = options.get("_on_error")
    if not wanted.skip and mode is not None and mode not in _MODES:
        raise InputError([_no_mode(mode, f"{at}._on_error")])
    return replace(wanted, skip=wanted.skip or mode == "skip")


def with_detail(wanted: Preferences, value: Any, at: str) -> Preferences:
    """Return the preferences after the option `_detail`, wherever it stood; raises OptionError."""
    if value is True or value == "true":
        return replace(wanted, detail=True)
    if value is None or value is False or value == "false":
        return wanted
    sent = repr(value[:40]) if isinstance(value, str) else kind_of(value)
    raise OptionError([Fault(f"{at}._detail", "option", f"_detail is true or false, not {sent}", ["true", "false"])])


def _format() -> str:
    named = ",".join(request.headers["Accept"].split(",", MAX_TYPES)[:MAX_TYPES])
    # Java's HttpURLConnection says `*/*; q=.2` by itself: RFC 9110 wants a digit first, and Werkzeug drops the type.
    best = parse_accept_header(_NO_DIGIT.sub("q=0.", named), MIMEAccept).best_match(FORMATS)
    if best is None:
        raise RequestError(
            f"no answer of this route has a type that Accept allows: {request.headers['Accept'][:200]}",
            code="not-acceptable",
            hint="accept one of " + ", ".join(OFFERED),
        )
    return FORMATS[best]


def _preferred() -> bool:
    for part in request.headers.get("Prefer", "").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        # RFC 7240: what a server does not know of a preference, it ignores.
        if name.strip().lower() == "on-error" and value.strip().strip('"').lower() == "skip":
            return True
    return False


def _no_mode(value: Any, at: str) -> Fault:
    shown = value if isinstance(value, str) else type(value).__name__
    return Fault(at, "option", f"{shown[:40]!r} is no way to treat bad rows", list(_MODES))
