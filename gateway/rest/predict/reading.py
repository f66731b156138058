"""
Read the instances of a request: query, form, JSON, files and tables, whatever a client sends to a predict path.

Picks the codec by content type; knows no model.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from gateway.codecs.base import Decoded, refuse
from gateway.errors import Fault, InputError
from gateway.rest.errors import RequestError
from gateway.rest.predict.body import read_body
from gateway.rest.predict.negotiate import Preferences, with_options
from gateway.rest.predict.percent_encoding import encoded_form, encoded_texts
from gateway.rest.predict.sources import (
    BODY_TYPES,
    MULTIPART,
    BatchSource,
    Fields,
    body_source,
    form_source,
    is_table,
    json_source,
)
from gateway.rest.predict.spool import spool_body
from gateway.routing.routes import Route
from gateway.schema import Batch
from gateway.validation import Source, Validator

JSON_TYPES = frozenset({"application/json", "text/json", ""})
FORM_TYPE = "application/x-www-form-urlencoded"


#: A body up to this size is decoded in the event loop: 16 KiB of JSON take about 0.1 ms.
INLINE_BYTES = 16 * 1024
#: A batch up to so many rows is validated and answered in the event loop, in well under a millisecond.
INLINE_ROWS = 100
_NO_QUERY = Source("query", {})


@dataclass(slots=True)
class Reading:
    """
    Hold the validated batch of a request and whether it was one instance or a list.

    `large` says that its values may be too long for the event loop.
    """

    batch: Batch
    single: bool
    large: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold a batch that is still to be read, and the form of its answer."""

    source: BatchSource
    wanted: Preferences


def read(environ: dict[str, Any], route: Route, validator: Validator, wanted: Preferences) -> Reading | Rows:
    """
    Decode and validate the current request for a route.

    A batch that is more than a little work, or is to be answered in another form than plain JSON, comes back unread as
    `Rows`. Raises InputError with every fault, RequestError 415 for a media type nobody reads, 413 for too many rows.
    """
    media = environ.get("CONTENT_TYPE", "")
    if media != "application/json":  # what nearly everybody sends is not worth parsing
        media = request.mimetype
    text = environ.get("QUERY_STRING", "")
    query = encoded_texts("query", text.encode("latin-1")) if text else _NO_QUERY
    if is_table(media):
        source = body_source()
        return Rows(source, wanted)
    if media == MULTIPART:
        return _form(environ, route, validator, query, wanted)
    body = read_body(environ)
    content = body.content
    if not content:
        return _fields(route, validator, [query])
    if media == FORM_TYPE and not _looks_like_json(content):
        return _of_size(len(content), route, environ, lambda: _fields(route, validator, [query, encoded_form(content)]))
    if media not in JSON_TYPES and media != FORM_TYPE and not media.endswith("+json"):
        raise unsupported(media)
    if len(content) <= INLINE_BYTES:  # nearly every request: past the thread and past the budget
        return _json(route, validator, route.codec.decode(content), query, wanted)
    return _of_size(len(content), route, environ, lambda: _json(route, validator, body.decode(route), query, wanted))


def _of_size(
    size: int, route: Route, environ: Mapping[str, Any], reading: Callable[[], Reading | Rows]
) -> Reading | Rows:
    """Decode and validate here what is small, and in a native thread what is not."""
    if size <= INLINE_BYTES:
        return reading()
    with route.admit(deadline_of(route.spec.timeout_s, environ)):
        found = route.run(reading)
    if isinstance(found, Reading):
        found.large = True
    return found


def _looks_like_json(body: bytes) -> bool:
    return body[:256].lstrip()[:1] in (b"{", b"[")


def _form(
    environ: dict[str, Any], route: Route, validator: Validator, query: Source, wanted: Preferences
) -> Reading | Rows:
    spooled = spool_body()  # before the slot is taken: a slow sender must not hold one
    with route.admit(deadline_of(route.spec.timeout_s, environ)):
        found = form_source(route, *spooled)
    if isinstance(found, Fields):
        return _fields(route, validator, [query, Source("form", found.values, found.repeated)])
    return Rows(found, with_options(wanted, found.options, "form"))


def _json(route: Route, validator: Validator, decoded: Decoded, query: Source, wanted: Preferences) -> Reading | Rows:
    max_rows = route.spec.max_rows
    if len(decoded.instances) > max_rows:
        raise too_many_rows(len(decoded.instances), max_rows)
    if not decoded.single:
        wanted = with_options(wanted, decoded.parameters, "$")
        plain = wanted.format == "json" and not wanted.skip and route.spec.batch != "by_id"
        if not plain or len(decoded.instances) > INLINE_ROWS:
            return Rows(json_source(decoded), wanted)
    elif isinstance(decoded.instances[0], dict) and not decoded.text:
        return Reading(validator.instance([Source("json", decoded.instances[0]), query]), True)
    return Reading(checked(validator, decoded), decoded.single)


def checked(validator: Validator, decoded: Decoded) -> Batch:
    """Validate decoded instances; raises InputError with the paths that the client knows."""
    try:
        return validator.rows(
            decoded.instances, text=decoded.text, at=decoded.at, single=decoded.single, table=decoded.columns
        )
    except InputError as error:
        if decoded.locator is None:
            raise
        raise decoded.locator.rebased(error) from None


def _fields(route: Route, validator: Validator, sources: list[Source]) -> Reading:
    """Read one instance from named texts, or from `data` with the values in order where no field is named at all."""
    names = route.codec.fields
    for source in sources:
        if "data" in source.values:
            if any(not names.isdisjoint(one.values) for one in sources):
                break
            at = f"{source.kind}.data"
            if "data" in source.repeated:
                refuse("repeated", "data is given more than once", at=at, expected="one value")
            return Reading(checked(validator, route.codec.line(source.values["data"], at)), True)
    return Reading(validator.instance(sources), True)


def too_many_rows(rows: int, max_rows: int) -> RequestError:
    """Return the 413 for a batch above the route's limit."""
    return RequestError(
        413,
        f"the batch has {rows} rows, this route takes {max_rows}",
        code="too-many-rows",
        hint="send it in parts, or raise max_rows of the route",
    )


def unsupported(media: str) -> RequestError:
    """Return the 415 for a media type that no codec reads."""
    return RequestError(
        415,
        f"cannot read a body of type {media[:80]!r}",
        code="unsupported-media-type",
        hint="send application/json, " + ", ".join(sorted({FORM_TYPE, MULTIPART, *BODY_TYPES})),
    )


def deadline_of(timeout_s: float, environ: Mapping[str, Any]) -> float:
    """
    Return when the current call must be answered, as time.monotonic().

    The route's `timeout_s` after the head of the request was read, or the client's X-Request-Timeout-Ms where that is
    sooner.
    """
    text = environ.get("HTTP_X_REQUEST_TIMEOUT_MS")
    if text is not None:
        try:
            wanted_s = float(text) / 1e3
        except ValueError:
            wanted_s = math.nan
        if not 0 < wanted_s < math.inf:
            raise InputError(
                [
                    Fault(
                        "header.X-Request-Timeout-Ms", "bad-header", f"{text!r} is not a number of milliseconds above 0"
                    )
                ]
            )
        timeout_s = min(timeout_s, wanted_s)
    return (environ.get("gateway.arrived") or time.monotonic()) + timeout_s
