"""
Read the instances of a request: query, form and JSON, whatever a client sends to a predict path.

Picks the codec by content type; knows no model.
"""

import math
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flask import request

from gateway.codecs.base import Decoded
from gateway.errors import Fault, InputError
from gateway.rest.errors import RequestError
from gateway.routes import Route
from gateway.schema import Batch
from gateway.validation import Source, Validator

JSON_TYPES = frozenset({"application/json", "text/json", ""})
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold the validated batch of a request and whether it was one instance or a list."""

    batch: Batch
    single: bool


def read(route: Route, validator: Validator) -> Reading:
    """
    Decode and validate the current request for a route.

    Raises InputError with every fault, RequestError 415 for a media type nobody reads, 413 for too many rows.
    """
    body = request.get_data(cache=False)
    query = _text_source("query", request.query_string)
    if not body:
        return _instance(validator, [query])
    media = request.mimetype
    if media == FORM_TYPE and body.lstrip()[:1] not in (b"{", b"["):
        return _instance(validator, [query, _text_source("form", body)])
    if media not in JSON_TYPES and media != FORM_TYPE and not media.endswith("+json"):
        raise unsupported(media)
    return _json(validator, route.codec.decode(body), query, route.spec.max_rows)


def _json(validator: Validator, decoded: Decoded, query: Source, max_rows: int) -> Reading:
    if len(decoded.instances) > max_rows:
        raise too_many_rows(len(decoded.instances), max_rows)
    if decoded.single and isinstance(decoded.instances[0], dict) and not decoded.text:
        return _instance(validator, [Source("json", decoded.instances[0]), query])
    batch = validator.rows(decoded.instances, text=decoded.text, at=decoded.at, single=decoded.single)
    return Reading(batch, decoded.single)


def _instance(validator: Validator, sources: list[Source]) -> Reading:
    return Reading(validator.instance(sources), True)


def _text_source(kind: Any, encoded: bytes) -> Source:
    if not encoded:
        return Source(kind, {})
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=10_000)
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError([Fault(kind, "bad-encoding", f"the {kind} is not percent-encoded UTF-8: {error}")]) from error
    values: dict[str, Any] = {}
    repeated = set()
    for name, value in pairs:
        if name in values:
            repeated.add(name)
        else:
            values[name] = value
    return Source(kind, values, frozenset(repeated))


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
        f"cannot read a body of type {media!r}",
        code="unsupported-media-type",
        hint=f"send application/json or {FORM_TYPE}",
    )


def deadline_of(timeout_s: float) -> float:
    """
    Return when the current call must be answered, as time.monotonic().

    The route's `timeout_s`, or the client's X-Request-Timeout-Ms where that is sooner.
    """
    text = request.headers.get("X-Request-Timeout-Ms")
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
    return time.monotonic() + timeout_s
