"""
The gateway's own dialect: an instance or a batch as a query, a form, JSON or a table.

What reads a body is chosen by its media type (native_reading.py), what writes the answer by `Accept`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.answers.explanations import ExplainedAnswer
from gateway.codecs.base import Decoded
from gateway.codecs.json import encode
from gateway.errors import Fault, OptionError
from gateway.registry.contract import Contract
from gateway.rest.offload import ROWS
from gateway.rest.predict.body import Body
from gateway.rest.predict.dialect import Answering, Chunks
from gateway.rest.predict.explain_option import explain_option
from gateway.rest.predict.explaining import is_explainable, must_explain
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.native_reading import NativeReading
from gateway.rest.predict.negotiate import Preferences, preferences, with_detail, with_options
from gateway.rest.predict.sources import BatchSource, json_source
from gateway.rest.predict.tables import one_row
from gateway.rest.responses import JsonResponse
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.validation import Source


class Native(NativeReading[Batch | Chunks]):
    """Speak with one client."""

    __slots__ = ("_is_single", "_preferences", "_route")

    _preferences: Preferences
    _route: Route

    def read(self, request: Intake, contract: Contract) -> Batch | Chunks:
        """Read one instance or a batch; raises InputError, RequestError 406, 413, 415."""
        self._is_single = True
        self._route = request.route
        self._preferences = preferences(request.environ)
        if self._preferences.explain is not None and not is_explainable(self._route):
            self._preferences = replace(self._preferences, explain=None)  # a preference that cannot be met is ignored
        return self._read(request, contract)

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Write the answer to an instance, or to a short batch; those by id are no short batches."""
        answers = self._answering(batch, predictions, context)
        response: Response
        if not self._is_single:
            response = JsonResponse(encode({"predictions": answers} if route.spec.batch == "wrapped" else answers))
        elif self._preferences.format != "json":
            response = one_row(route, batch, answers[0], self._preferences)
        else:
            response = JsonResponse(encode(answers[0]))
        if self._preferences.explain is not None and self._preferences.explain.preferred:
            response.headers["Preference-Applied"] = self._preferences.applied
        return response

    @property
    def explains(self) -> bool:
        """Say whether the request asks for explanations, or the answer of the route holds them."""
        return self._preferences.explain is not None or self._contract.answer.explains

    @property
    def _answering(self) -> Answering:
        wanted, contract = self._preferences, self._contract
        if wanted.explain is None:
            return contract.detailed if wanted.detail else contract.answer
        own = contract.detailed_beside if wanted.detail else contract.beside
        return ExplainedAnswer(own, contract.validator.signature, wanted.explain.largest, is_object=wanted.detail)

    def _options(self, options: Mapping[str, Any], at: str, repeated: Collection[str] = ()) -> None:
        """
        Take the options `_detail` and `_explain`, unless the route has a field of that name.

        Raises OptionError, and NotExplainable where there are no explanations.
        """
        if self._has("_detail", options, at, repeated):
            self._preferences = with_detail(self._preferences, options["_detail"], at)
        if self._has("_explain", options, at, repeated):
            explain = explain_option(options["_explain"], f"{at}._explain")
            if explain is not None:
                must_explain(self._route)
            self._preferences = replace(self._preferences, explain=explain)

    def _has(self, name: str, options: Mapping[str, Any], at: str, repeated: Collection[str]) -> bool:
        """Say whether an option is given; raises OptionError where it is given twice."""
        if name not in options or name in self._contract.codec.fields:
            return False
        if name in repeated:
            raise OptionError([Fault(f"{at}.{name}", "repeated", f"{name} is given more than once", "one value")])
        return True

    def _one(self, sources: Sequence[Source]) -> Batch:
        return self._contract.validator.instance(sources)

    def _line(self, decoded: Decoded) -> Batch:
        return self._contract.validate(decoded)

    def _decoded(self, body: Body, route: Route) -> Batch | Chunks:
        """Decode one instance or a batch; a long one, or one whose answer is no plain JSON, comes back as chunks."""
        contract = self._contract
        decoded = body.decode(contract)
        if decoded.parameters:
            self._options(decoded.parameters, "$")
        if not decoded.single:
            self._is_single = False
            rows = len(decoded.instances)
            contract.limits.check(rows, in_all=True)
            wanted = with_options(self._preferences, decoded.parameters, "$")
            is_plain = wanted.format == "json" and not wanted.skip and route.spec.batch != "by_id"
            if not is_plain or rows > ROWS:
                return Chunks(json_source(decoded), wanted, self._answering)
        elif isinstance(decoded.instances[0], dict) and not decoded.text:
            return contract.validator.instance([Source("json", decoded.instances[0], path=decoded.at), self._query])
        return contract.validate(decoded)

    def _batch(self, source: BatchSource) -> Chunks:
        self._options(source.options, "form")
        return Chunks(source, with_options(self._preferences, source.options, "form"), self._answering)
