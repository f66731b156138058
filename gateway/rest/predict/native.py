"""
The gateway's own dialect: an instance or a batch as a query, a form, JSON or a table.

What reads a body is chosen by its media type, what writes the answer by `Accept`.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.codecs.base import refuse
from gateway.codecs.json import encode
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.offload import ROWS
from gateway.rest.predict.body import Body
from gateway.rest.predict.dialect import Chunks
from gateway.rest.predict.form import MULTIPART, Fields, Form
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.negotiate import Preferences, preferences, with_options
from gateway.rest.predict.percent_encoding import encoded_form, encoded_texts
from gateway.rest.predict.sources import BODY_TYPES, json_source, table_source
from gateway.rest.predict.tables import one_row
from gateway.rest.responses import JsonResponse
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.validation import Source

FORM: Final = "application/x-www-form-urlencoded"
_TABLE: Final = re.compile(rb"[,;\t]")
_NO_QUERY: Final = Source("query", {})


class Native:
    """Speak with one client."""

    __slots__ = ("_contract", "_is_single", "_preferences", "_query")

    _contract: Contract
    _preferences: Preferences
    _query: Source

    def read(self, request: Intake, contract: Contract) -> Batch | Chunks:
        """Read one instance or a batch; raises InputError, RequestError 406, 413, 415."""
        environ, media = request.environ, request.media
        self._contract, self._is_single = contract, True
        self._preferences = preferences(environ)
        text: str = environ.get("QUERY_STRING", "")
        self._query = encoded_texts("query", text.encode("latin-1")) if text else _NO_QUERY
        reader = _READERS.get(media)
        if reader is None:
            reader = Native._json if media.endswith("+json") else Native._unknown
        return reader(self, request)

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Write the answer to an instance, or to a short batch; those by id are no short batches."""
        answers = self._contract.answer(batch, predictions, context)
        if not self._is_single:
            return JsonResponse(encode({"predictions": answers} if route.spec.batch == "wrapped" else answers))
        if self._preferences.format != "json":
            return one_row(route, batch, answers[0], self._preferences)
        return JsonResponse(encode(answers[0]))

    def _json(self, request: Intake) -> Batch | Chunks:
        body = request.body()
        return request.work(self._decoded, body, request.route) if body.content else self._instance([self._query])

    def _decoded(self, body: Body, route: Route) -> Batch | Chunks:
        """Decode one instance or a batch; a long one, or one whose answer is no plain JSON, comes back as chunks."""
        contract, wanted = self._contract, self._preferences
        decoded = body.decode(contract)
        if not decoded.single:
            self._is_single = False
            rows = len(decoded.instances)
            contract.limits.check(rows, in_all=True)
            wanted = with_options(wanted, decoded.parameters, "$")
            is_plain = wanted.format == "json" and not wanted.skip and route.spec.batch != "by_id"
            if not is_plain or rows > ROWS:
                return Chunks(json_source(decoded), wanted, contract.answer)
        elif isinstance(decoded.instances[0], dict) and not decoded.text:
            return contract.validator.instance([Source("json", decoded.instances[0], path=decoded.at), self._query])
        return contract.validate(decoded)

    def _form(self, request: Intake) -> Batch | Chunks:
        body = request.body()
        content = body.content
        if not content:
            return self._instance([self._query])
        if _looks_like_json(content):
            return request.work(self._decoded, body, request.route)
        if b"=" not in content and _TABLE.search(content):
            raise RequestError(
                "the body is no form: it has commas or semicolons, and no field with a value",
                code="unsupported-media-type",
                hint="send a table with its type: curl --data-binary @rows.csv -H 'Content-Type: text/csv'",
            )
        return request.work(lambda: self._instance([self._query, encoded_form(content)]))

    def _multipart(self, request: Intake) -> Batch | Chunks:
        form = Form(request)
        found = request.in_thread(form.read, self._contract)
        if isinstance(found, Fields):
            return self._instance([self._query, Source("form", found.values, found.repeated)])
        return Chunks(found, with_options(self._preferences, found.options, "form"), self._contract.answer)

    def _table(self, request: Intake) -> Chunks:
        return Chunks(table_source(request, self._contract), self._preferences, self._contract.answer)

    def _plain(self, request: Intake) -> Batch | Chunks:
        """Read JSON that `fetch` sends without a header as plain text; no other text says what it is."""
        body = request.body()
        if body.content and not _looks_like_json(body.content):
            raise RequestError(
                "a body of type text/plain is read only where it is JSON",
                code="unsupported-media-type",
                hint="send Content-Type: application/json for JSON, text/csv for a table",
            )
        return request.work(self._decoded, body, request.route) if body.content else self._instance([self._query])

    def _unknown(self, request: Intake) -> Batch:
        """Refuse a body that nobody reads; where there is none, its type says nothing."""
        if request.body().content:
            raise _unsupported(request.media)
        return self._instance([self._query])

    def _instance(self, sources: Sequence[Source]) -> Batch:
        """Read one instance from named texts, or from `data` with its values in order where no field is named."""
        contract = self._contract
        names = contract.codec.fields
        for source in sources:
            if "data" in source.values:
                if any(not names.isdisjoint(one.values) for one in sources):
                    break
                at = f"{source.kind}.data"
                if "data" in source.repeated:
                    refuse("repeated", "data is given more than once", at=at, expected="one value")
                return contract.validate(contract.codec.line(source.values["data"], at))
        return contract.validator.instance(sources)


#: Media type -> what reads it; further ones end in +json, or nobody reads them.
_READERS: Final[Mapping[str, Callable[[Native, Intake], Batch | Chunks]]] = {
    "application/json": Native._json,
    "text/json": Native._json,
    "": Native._json,
    "text/plain": Native._plain,
    FORM: Native._form,
    MULTIPART: Native._multipart,
    **dict.fromkeys(BODY_TYPES, Native._table),
}


def _looks_like_json(body: bytes) -> bool:
    return body[:256].removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"[", b'"')


def _unsupported(media: str) -> RequestError:
    return RequestError(
        f"cannot read a body of type {media[:80]!r}",
        code="unsupported-media-type",
        hint="send application/json, " + ", ".join(sorted({FORM, MULTIPART, *BODY_TYPES})),
    )
