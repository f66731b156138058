"""
The gateway's own dialect: an instance or a batch as a query, a form, JSON or a table.

What reads a body is chosen by its media type (native_reading.py), what writes the answer by `Accept`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Response

from gateway.answers.answer import Answer, AnswerContext, DetailedAnswer
from gateway.codecs.base import Decoded
from gateway.codecs.json import encode
from gateway.errors import Fault, OptionError
from gateway.registry.contract import Contract
from gateway.rest.offload import ROWS
from gateway.rest.predict.body import Body
from gateway.rest.predict.dialect import Chunks
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

    __slots__ = ("_is_single", "_preferences")

    explains = False

    _preferences: Preferences

    def read(self, request: Intake, contract: Contract) -> Batch | Chunks:
        """Read one instance or a batch; raises InputError, RequestError 406, 413, 415."""
        self._is_single = True
        self._preferences = preferences(request.environ)
        return self._read(request, contract)

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Write the answer to an instance, or to a short batch; those by id are no short batches."""
        answers = self._answering(batch, predictions, context)
        if not self._is_single:
            return JsonResponse(encode({"predictions": answers} if route.spec.batch == "wrapped" else answers))
        if self._preferences.format != "json":
            return one_row(route, batch, answers[0], self._preferences)
        return JsonResponse(encode(answers[0]))

    @property
    def _answering(self) -> Answer | DetailedAnswer:
        return self._contract.detailed if self._preferences.detail else self._contract.answer

    def _options(self, options: Mapping[str, Any], at: str, repeated: Collection[str] = ()) -> None:
        """Take the option `_detail`, unless the route has a field of that name; raises OptionError."""
        if "_detail" not in options or "_detail" in self._contract.codec.fields:
            return
        if "_detail" in repeated:
            raise OptionError([Fault(f"{at}._detail", "repeated", "_detail is given more than once", "one value")])
        self._preferences = with_detail(self._preferences, options["_detail"], at)

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
