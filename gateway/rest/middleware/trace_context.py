"""
Parse W3C trace context (`traceparent`, `tracestate`) and make `traceresponse`: https://www.w3.org/TR/trace-context/.

Invalid fields are ignored, as the recommendation demands.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: version, trace-id, parent-id, trace-flags; later versions may append more.
_PARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
#: `vendor=value` or `tenant@vendor=value`.
_MEMBER: Final = re.compile(
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})="
    r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MAX_MEMBERS: Final = 32
#: Length of a `tracestate` that every vendor has to pass on; a longer one is not written to the log.
MAX_STATE: Final = 512
#: The flags that version 00 defines: sampled, and (level 2) random trace id.
_KNOWN_FLAGS: Final = 0b11


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Hold the trace of one request: its id, the span of the caller, and the span of this request."""

    trace_id: str
    parent_span_id: str
    span_id: str
    flags: int
    state: str

    @property
    def response(self) -> str:
        """Return the value of the `traceresponse` header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def trace_context_of(environ: Mapping[str, Any]) -> TraceContext | None:
    """Return the trace context of a request; None without a valid `traceparent`."""
    found = _PARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    if found is None or (found[1] == "00" and found[5] is not None):
        return None
    return TraceContext(
        trace_id=found[2],
        parent_span_id=found[3],
        span_id=_new_span_id(),
        flags=int(found[4], 16) & _KNOWN_FLAGS,
        state=_state(environ.get("HTTP_TRACESTATE", "")),
    )


def _state(given: str) -> str:
    """Return a valid `tracestate` in normal form, an empty string for an invalid one."""
    if len(given) > MAX_STATE:
        return ""
    members = [member for one in given.split(",") if (member := one.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > _MAX_MEMBERS or len(keys) < len(members):
        return ""
    return ",".join(members) if all(map(_MEMBER.fullmatch, members)) else ""


def _new_span_id() -> str:
    while not (number := int.from_bytes(os.urandom(8))):  # an id of zeros is invalid
        pass
    return f"{number:016x}"
