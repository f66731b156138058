"""What explanations need of a call: whether its route has any, how many rows at a time, their JSON."""

from typing import Final

import msgspec

from gateway.answers.explanations import Explain, explanations_of
from gateway.codecs.chunks import CHUNK_CELLS, CHUNK_ROWS
from gateway.codecs.json import encode
from gateway.errors import NotExplainable, TooLargeError
from gateway.explanation import Explanation
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.offload import ROWS
from gateway.routing.routes import Route
from gateway.schema import Signature

#: Seconds of explaining that one chunk of a batch may take: it holds a slot of its route meanwhile.
_CHUNK_S: Final = 1.0
#: Rows of a chunk with texts: a text has as many parts as tokens.
_TEXT_ROWS: Final = 100
#: Contributions of an answer that is written whole (V2, MLflow): about 140 MB of JSON.
MOST_AT_ONCE: Final = 4_000_000
#: Contributions that take as long to be written as a row without any.
_PER_ROW: Final = 20
#: Rows whose explanations are turned into JSON at a time.
_BLOCK_ROWS: Final = 500


def is_explainable(route: Route) -> bool:
    """Say whether preparing has found that answers have explanations; nothing is loaded."""
    report = route.manifest.explanation
    return report is not None and not report.reason


def must_explain(route: Route) -> None:
    """Raise NotExplainable, with what would be, where preparing found that answers cannot be explained exactly."""
    report = route.manifest.explanation
    if report is not None and report.reason:
        path = public_path(route.spec.path)
        raise NotExplainable(f"the answers of {path} cannot be explained: {report.reason}", report.instead)


def rows_at_once(route: Route) -> int:
    """Return how many rows of a batch are explained at a time: a chunk keeps its deadline and a bounded memory."""
    report, signature = route.manifest.explanation, route.signature
    fields = () if signature is None else signature.inputs
    rows = min(CHUNK_ROWS, CHUNK_CELLS // max(len(fields), 1))
    if report is not None and report.row_s > 0:
        rows = min(rows, int(min(_CHUNK_S, route.spec.timeout_s / 4) / report.row_s))
    if any(field.type == "string" and field.enum is None for field in fields):
        rows = min(rows, _TEXT_ROWS)
    return max(rows, 1)


def weight(explanation: Explanation) -> int:
    """Return how many rows without explanation take as long to be written; of texts more than the loop writes."""
    rows = len(explanation.base)
    return ROWS + 1 if explanation.tokens else rows + explanation.contributions.size // _PER_ROW


def explanations_json(signature: Signature, explanation: Explanation, explain: Explain) -> msgspec.Raw:
    """Return a list of explanations as JSON; only some of them are objects at the same time."""
    rows = len(explanation.base)
    pieces = [
        encode(explanations_of(signature, explanation.rows(start, start + _BLOCK_ROWS), explain.largest))[1:-1]
        for start in range(0, rows, _BLOCK_ROWS)
    ]
    return msgspec.Raw(b"[" + b",".join(pieces) + b"]")


def must_fit(signature: Signature, rows: int) -> None:
    """Raise TooLargeError where an answer that is written whole would hold too many contributions."""
    fields = max(len(signature.inputs), 1)
    if rows * fields > MOST_AT_ONCE:
        raise TooLargeError(
            f"explanations of {rows} rows of {fields} fields are too many for one answer of this protocol",
            code="too-many-rows",
            hint=f"send at most {MOST_AT_ONCE // fields} rows, or ask the route itself: its batches are streamed",
        )
