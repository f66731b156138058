"""The try page of a route: its form, and the result or the faults of what was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.console.environment import render
from gateway.console.examples import example_option, examples_of
from gateway.console.fields import FieldView, first_texts, typed, views
from gateway.console.page_data import island
from gateway.console.plot_drawing import drawing_of
from gateway.console.plots import picture_of
from gateway.console.result import values_of
from gateway.console.site import Site
from gateway.console.snippets import snippets
from gateway.console.states import State, state_of_route
from gateway.console.why import EXPLAIN, WhyView, why_view, words_of
from gateway.errors import Fault
from gateway.routing.routes import Route
from gateway.schema import Field, Scalar

#: Names that a note repeats.
MOST_STRANGERS: Final = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Hold what one prediction gave: the answer of the route, and beside it the members of the default answer.

    `read` are the inputs as the model got them, `invalid` counts values by field that could not be read. `explanation`
    says why, where that was asked.
    """

    body: Mapping[str, Any]
    ms: float
    read: Mapping[str, Any] = field(default_factory=dict)
    invalid: Mapping[str, int] | None = None
    explanation: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold what was sent by a form or a link, and what became of it."""

    texts: Mapping[str, str]
    outcome: Outcome | None = None
    state: State | None = None
    faults: Sequence[Fault] = field(default=())


def try_page(route: Route, site: Site, *, max_body_size: int, attempt: Attempt | None = None) -> bytes:
    """Return the page; without an attempt its form holds an instance that the route accepts."""
    fields = () if route.signature is None else route.signature.inputs
    texts = first_texts(fields) if attempt is None else attempt.texts
    by_field, others = _sorted_faults(() if attempt is None else attempt.faults)
    outcome = None if attempt is None else attempt.outcome
    shown = views(fields, texts, by_field)
    inputs = {view.name: typed(view.field, view.text) for view in shown}
    picture = None if outcome is None else picture_of(route, inputs, outcome.body)
    words = words_of(route)
    explains = words is not None and EXPLAIN in texts and texts[EXPLAIN] != "false"
    result = None if outcome is None else {"body": outcome.body, "ms": outcome.ms, "version": route.version}
    return render(
        "try.html",
        {
            "page": "try",
            "site": site,
            "route": route,
            "fields": shown,
            "examples": examples_of(fields),
            "example_option": example_option(fields),
            "outcome": outcome,
            "values": [] if outcome is None or route.signature is None else _values(route, outcome),
            "words": words,
            "why": None if outcome is None else _why(fields, outcome),
            "explains": explains,
            "picture": picture,
            "drawing": None if picture is None else drawing_of(picture),
            "state": state_of_route(route) if attempt is None else attempt.state,
            "faults": others,
            "strangers": _strangers(fields, texts),
            "snippets": snippets(site.origin + site.url(route.spec.path), _sent(shown, outcome), has_key=site.has_keys),
            "island": island(route, site, max_body_size=max_body_size, inputs=inputs, result=result, explains=explains),
        },
    )


def _values(route: Route, outcome: Outcome) -> list[Any]:
    assert route.signature is not None  # noqa: S101 - narrows the type: what has predicted has a signature
    return values_of(route.signature.output, outcome.body)


def _why(fields: tuple[Field, ...], outcome: Outcome) -> WhyView | None:
    return None if outcome.explanation is None else why_view(outcome.explanation, fields, outcome.read)


def _strangers(fields: tuple[Field, ...], texts: Mapping[str, str]) -> list[str]:
    """Return the names that no field has; those with an underscore are options of the request."""
    known = {name for field in fields for name in (field.name, *field.aliases)}
    return [name for name in texts if name not in known and not name.startswith("_")][:MOST_STRANGERS]


def _sorted_faults(faults: Sequence[Fault]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the texts of faults by their field, and of those that belong to none."""
    by_field: dict[str, list[str]] = {}
    others = []
    for fault in faults:
        text = fault.message + (f": {fault.hint}" if fault.hint else "")
        if fault.field is None:
            others.append(text)
        else:
            by_field.setdefault(fault.field, []).append(text)
    return by_field, others


def _sent(shown: Sequence[FieldView], outcome: Outcome | None) -> dict[str, Scalar | None]:
    """
    Return what the script would send: null stands for a missing value only where the field may be null.

    A text that only the route could read (`1,5` under `reading`) is sent as what it was read as.
    """
    read = {} if outcome is None else outcome.read
    values = {view.name: typed(view.field, view.text) for view in shown}
    for view in shown:
        found = read.get(view.name)
        if values[view.name] is None and (view.text or found == ""):
            values[view.name] = found
    return {view.name: value for view in shown if (value := values[view.name]) is not None or view.field.nullable}
