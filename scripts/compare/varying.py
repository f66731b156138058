"""
What must vary between two recordings of one source, and is therefore left out of the comparison: one table.

Whatever is not named here has to be equal byte by byte.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

#: What varies in a body -> (pattern, what stands for it). Applied in this order.
BODIES: Final[Mapping[str, tuple[re.Pattern[bytes], bytes]]] = {
    "request ids that the gateway made": (re.compile(rb"\b[0-9a-f]{32}\b"), b"<id>"),
    "generations: they name the state of a source": (
        re.compile(rb'"(generation|committed|x-generation)":"[0-9a-f]{12}"'),
        rb'"\1":"<generation>"',
    ),
    "moments": (re.compile(rb'"(at|since)":[0-9.e+-]+'), rb'"\1":<moment>'),
    "durations": (
        re.compile(rb'"(took_s|load_s|up_s|p50_ms|p95_ms)":(?:[0-9.e+-]+|null)'),
        rb'"\1":<duration>',
    ),
    "process ids": (re.compile(rb'"pid":[0-9]+'), b'"pid":<pid>'),
    "memory": (re.compile(rb'"pss_mb":[0-9.]+'), b'"pss_mb":<memory>'),
}
#: The same for the text of /metrics: names, labels and the order of lines stay.
METRICS: Final[Mapping[str, tuple[re.Pattern[bytes], bytes]]] = {
    "generations": (re.compile(rb'generation="[0-9a-f]{12}"'), b'generation="<generation>"'),
    "process ids": (re.compile(rb'(pid|worker)="[0-9]+"'), rb'\1="<pid>"'),
    "values that tell time or memory": (
        re.compile(
            rb"^([a-zA-Z_:]*(?:seconds|bytes|timestamp|created|cpu|info)[a-zA-Z_:]*(?:\{[^\n]*\})?) [^\n]+$",
            re.MULTILINE,
        ),
        rb"\1 <value>",
    ),
}
#: What varies in a header -> what stands for its value.
HEADERS: Final[Mapping[str, Callable[[str], str]]] = {
    "date": lambda _: "<date>",
    "x-request-id": lambda value: re.sub(r"^[0-9a-f]{32}$", "<id>", value),
    "x-gateway-generation": lambda value: re.sub(r"^[0-9a-f]{12}$", "<generation>", value),
    "server-timing": lambda value: re.sub(r"dur=[0-9.]+", "dur=<duration>", value),
    "allow": lambda value: ", ".join(sorted(value.split(", "))),  # the order of a set
}
#: Headers that are made from the body; they say nothing where something in the body varies.
FROM_BODY: Final = frozenset({"content-length", "etag"})


def steady_body(body: bytes, *, is_metrics: bool = False) -> bytes:
    """Return a body with a word in place of whatever varies."""
    for pattern, word in (*BODIES.values(), *(METRICS.values() if is_metrics else ())):
        body = pattern.sub(word, body)
    return body


def steady_header(name: str, value: str) -> str:
    """Return the value of a header with a word in place of whatever varies."""
    steady = HEADERS.get(name.lower())
    return value if steady is None else steady(value)
