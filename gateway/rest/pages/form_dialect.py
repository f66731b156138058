"""
The dialect of the console: one instance, as its form or a link sends it.

A number box holds a number of JSON, and a level is the level of that text: a route that reads `1.500` as 1500 in texts
does not do so here. Texts that are neither go to the validator as texts, and come back as faults.
"""

from typing import Any

from flask import Response

from gateway.answers.answer import Answer, AnswerContext
from gateway.answers.explanations import Explain, explanations_of
from gateway.answers.json_values import plain
from gateway.codecs.base import refuse
from gateway.console.examples import example_option, examples_of
from gateway.console.fields import level_texts, typed
from gateway.console.try_page import Outcome
from gateway.console.value_text import lines_of, value_text
from gateway.console.why import EXPLAIN
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.predict.explain_option import explain_option
from gateway.rest.predict.explaining import must_explain
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.native_reading import FORM
from gateway.rest.predict.percent_encoding import encoded_form, encoded_texts
from gateway.routing.routes import Route
from gateway.schema import Batch, Field, Predictions
from gateway.validation import Source


class FormDialect:
    """Read a form or a link; `texts` are what was sent, `outcome` what it gave."""

    __slots__ = ("_contract", "_explain", "outcome", "texts")

    _contract: Contract
    _explain: Explain | None

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.outcome: Outcome | None = None

    def read(self, request: Intake, contract: Contract) -> Batch:
        """Read one instance; raises InputError, RequestError 413, 415."""
        self._contract = contract
        sent, fields = self.sent(request), _by_name(request.route)
        self._explain = None
        if EXPLAIN in sent.values and EXPLAIN not in fields:
            self._explain = explain_option(sent.values[EXPLAIN], f"{sent.kind}.{EXPLAIN}")
        if self._explain is not None:
            must_explain(request.route)
        return request.work(lambda: contract.validator.instance(_typed(sent, fields)))

    @property
    def explains(self) -> bool:
        """Say whether the switch is on, or the answer of the route holds explanations."""
        return self._explain is not None or self._contract.answer.explains

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Keep the outcome; the page is made by the endpoint, which knows how long it took."""
        assert route.signature is not None  # noqa: S101 - narrows the type: what has predicted has a signature
        body: dict[str, Any] = Answer(route.signature)(batch, predictions, context)[0]
        answer = self._contract.answer(batch, predictions, context)[0]
        fields = zip(route.signature.inputs, batch.columns, strict=True)
        read = {field.name: plain(column[0]) for field, column in fields}
        why = None
        if self._explain is not None and predictions.explanation is not None:
            why = explanations_of(route.signature, predictions.explanation, self._explain.largest)[0]
        self.outcome = Outcome({"answer": answer, **body}, 0.0, read, batch.invalid, why)
        return Response()

    def sent(self, request: Intake) -> Source:
        """Return the texts that were sent, or those of the chosen example; raises InputError, RequestError."""
        sent = _read(request)
        fields = () if request.route.signature is None else request.route.signature.inputs
        option = example_option(fields)
        sent = _example(sent, option, fields) if option in sent.values else _with_own_lines(sent, fields)
        self.texts = dict(sent.values)
        return sent


def _read(request: Intake) -> Source:
    if request.environ["REQUEST_METHOD"] != "POST":
        return encoded_texts("query", request.environ["QUERY_STRING"].encode("latin-1"))
    if request.media != FORM:
        raise RequestError(
            f"the console reads forms, not a body of type {request.media[:80]!r}",
            code="unsupported-media-type",
            hint=f"send {FORM} here, or JSON to the route itself",
        )
    return encoded_form(request.body().content)


def _with_own_lines(sent: Source, fields: tuple[Field, ...]) -> Source:
    """Return names and levels with the line ends that the route knows: a form has CR LF in both."""
    if not any("\r" in name or "\r" in text for name, text in sent.values.items()):
        return sent
    known = {name: field for field in fields for name in (field.name, *field.aliases)}
    own = {lines_of(name): name for name in known}
    values = {}
    for given, text in sent.values.items():
        name = given if given in known else own.get(lines_of(given), given)
        levels = level_texts(known[name]) if name in known else ()
        same = (level for level in levels if lines_of(level) == lines_of(text))
        values[name] = text if text in levels else next(same, text)
    return Source(sent.kind, values, sent.repeated)


def _example(sent: Source, option: str, fields: tuple[Field, ...]) -> Source:
    """Return the texts of the example that was asked for instead of inputs; raises InputError."""
    offered = examples_of(fields)
    number = sent.values[option]
    if number not in map(str, range(len(offered))):
        refuse("option", "there is no such example", at=f"{sent.kind}.{option}", expected=f"0 to {len(offered) - 1}")
    return Source(sent.kind, {name: value_text(value) for name, value in offered[int(number)].values.items()})


def _by_name(route: Route) -> dict[str, Field]:
    fields = () if route.signature is None else route.signature.inputs
    return {name: field for field in fields for name in (field.name, *field.aliases)}


def _typed(sent: Source, fields: dict[str, Field]) -> list[Source]:
    """Return the values of JSON, and the texts that stand for none."""
    values: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for name, text in sent.values.items():
        value = typed(fields[name], text) if name in fields else None
        if value is None:
            texts[name] = text
        else:
            values[name] = value
    return [
        Source("json", values, sent.repeated & values.keys(), path=sent.kind),
        Source(sent.kind, texts, sent.repeated & texts.keys()),
    ]
