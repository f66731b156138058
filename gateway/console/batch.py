"""The batch page of a route: a form that takes a file and gives one back, and what was wrong with the last file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.console.number_text import number_text
from gateway.console.route_page import route_page
from gateway.console.site import Site
from gateway.console.states import State, state_of_route
from gateway.console.why import words_of
from gateway.errors import Fault
from gateway.routing.routes import Route

#: Formats of a download, as people call them, in the order of the buttons.
FORMATS: Final[Mapping[str, str]] = {
    "csv": "CSV",
    "xlsx": "XLSX",
    "json": "JSON",
    "ndjson": "NDJSON",
    "parquet": "Parquet",
}
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FaultRow:
    """Hold a fault as a table shows it; rows count from 1, below the header."""

    row: int | None
    column: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold why a file was not answered: in words, and fault by fault; `total` counts all faults."""

    state: State
    faults: Sequence[Fault] = field(default=())
    total: int = 0


def faulty(faults: Sequence[Fault], total: int) -> Refusal:
    """Return the refusal of a file with faults; each of them stands in the table with its own fix."""
    several = f"The file has {number_text(total)} faults" if total > 1 else "The file has a fault"
    return Refusal(State("invalid", f"{several}, and no row was scored."), faults, total)


def batch_page(route: Route, site: Site, *, max_body_size: int, refusal: Refusal | None = None) -> bytes:
    """Return the page."""
    faults = () if refusal is None else refusal.faults
    return route_page(
        "batch",
        route,
        site,
        max_body_size=max_body_size,
        state=state_of_route(route) if refusal is None else refusal.state,
        faults=[_row(fault) for fault in faults],
        more=0 if refusal is None else max(refusal.total - len(faults), 0),
        formats=FORMATS,
        limit=size_text(max_body_size),
        words=words_of(route),
        names=[] if route.signature is None else list(route.signature.names),
    )


def size_text(size: int) -> str:
    """Return a number of bytes as people read it; static/upload.js writes the same."""
    mib = size / _MIB
    return f"{mib:.1f}".removesuffix(".0") + " MiB" if mib >= 1 else f"{size / 1024:.1f}".removesuffix(".0") + " KiB"


def _row(fault: Fault) -> FaultRow:
    column = fault.field or str(fault.at).removeprefix("$")
    return FaultRow(None if fault.row is None else fault.row + 1, column, fault.message, way_out(fault))


def way_out(fault: Fault) -> str:
    """Return how a fault is mended, as static/check.js says it: its hint, else what was expected."""
    if fault.hint:
        return fault.hint
    if fault.code == "required" and fault.row is None:
        return "add a column of this name"
    expected = fault.expected if isinstance(fault.expected, list) else [fault.expected]
    return "" if fault.expected is None else f"expected: {', '.join(map(str, expected))}"
