"""
How a request to a route is read: by its media type, as an instance, as JSON or as a table.

What becomes of it is the business of a subclass: the dialect of the route validates and predicts, a check reports.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from gateway.codecs.base import Decoded, refuse
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.predict.body import Body
from gateway.rest.predict.form import MULTIPART, Fields, Form
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.percent_encoding import encoded_form, encoded_texts
from gateway.rest.predict.sources import BODY_TYPES, BatchSource, table_source
from gateway.routing.routes import Route
from gateway.validation import Source

T = TypeVar("T")

FORM: Final = "application/x-www-form-urlencoded"
_TABLE: Final = re.compile(rb"[,;\t]")
_NO_QUERY: Final = Source("query", {})


class NativeReading(Generic[T]):
    """Read the request of one client."""

    __slots__ = ("_contract", "_query")

    _contract: Contract
    _query: Source

    def _read(self, request: Intake, contract: Contract) -> T:
        """Read one instance or a batch; raises InputError, RequestError 413, 415."""
        media = request.media
        self._contract = contract
        text: str = request.environ.get("QUERY_STRING", "")
        self._query = _NO_QUERY
        if text:
            self._query = encoded_texts("query", text.encode("latin-1"))
            self._options(self._query.values, "query", self._query.repeated)
        reader = _READERS.get(media)
        if reader is None:
            reader = NativeReading._json if media.endswith("+json") else NativeReading._unknown
        found: T = reader(self, request)
        return found

    def _options(self, options: Mapping[str, Any], at: str, repeated: Collection[str] = ()) -> None:
        """Take the options of the call from the names that stand in the query or in a form."""

    def _one(self, sources: Sequence[Source]) -> T:
        """Take one instance from named texts."""
        raise NotImplementedError

    def _line(self, decoded: Decoded) -> T:
        """Take one instance from the text of its values in order."""
        raise NotImplementedError

    def _decoded(self, body: Body, route: Route) -> T:
        """Take one instance or a batch in JSON."""
        raise NotImplementedError

    def _batch(self, source: BatchSource) -> T:
        """Take a table, or the file of a form."""
        raise NotImplementedError

    def _json(self, request: Intake) -> T:
        body = request.body()
        return request.work(self._decoded, body, request.route) if body.content else self._instance([self._query])

    def _form(self, request: Intake) -> T:
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

    def _multipart(self, request: Intake) -> T:
        form = Form(request)
        found = request.in_thread(form.read, self._contract)
        if isinstance(found, Fields):
            return self._instance([self._query, Source("form", found.values, found.repeated)])
        return self._batch(found)

    def _table(self, request: Intake) -> T:
        return self._batch(table_source(request, self._contract))

    def _plain(self, request: Intake) -> T:
        """Read JSON that `fetch` sends without a header as plain text; no other text says what it is."""
        body = request.body()
        if body.content and not _looks_like_json(body.content):
            raise RequestError(
                "a body of type text/plain is read only where it is JSON",
                code="unsupported-media-type",
                hint="send Content-Type: application/json for JSON, text/csv for a table",
            )
        return request.work(self._decoded, body, request.route) if body.content else self._instance([self._query])

    def _unknown(self, request: Intake) -> T:
        """Refuse a body that nobody reads; where there is none, its type says nothing."""
        if request.body().content:
            raise _unsupported(request.media)
        return self._instance([self._query])

    def _instance(self, sources: Sequence[Source]) -> T:
        """Read one instance from named texts, or from `data` with its values in order where no field is named."""
        codec = self._contract.codec
        names = codec.fields
        for source in sources:
            if source is not self._query:
                self._options(source.values, source.kind, source.repeated)
        for source in sources:
            if "data" in source.values:
                if any(not names.isdisjoint(one.values) for one in sources):
                    break
                at = f"{source.kind}.data"
                if "data" in source.repeated:
                    refuse("repeated", "data is given more than once", at=at, expected="one value")
                return self._line(codec.line(source.values["data"], at))
        return self._one(sources)


#: Media type -> what reads it; further ones end in +json, or nobody reads them.
_READERS: Final[Mapping[str, Callable[[NativeReading[Any], Intake], Any]]] = {
    "application/json": NativeReading._json,
    "text/json": NativeReading._json,
    "": NativeReading._json,
    "text/plain": NativeReading._plain,
    FORM: NativeReading._form,
    MULTIPART: NativeReading._multipart,
    **dict.fromkeys(BODY_TYPES, NativeReading._table),
}


def _looks_like_json(body: bytes) -> bool:
    return body[:256].removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"[", b'"')


def _unsupported(media: str) -> RequestError:
    return RequestError(
        f"cannot read a body of type {media[:80]!r}",
        code="unsupported-media-type",
        hint="send application/json, " + ", ".join(sorted({FORM, MULTIPART, *BODY_TYPES})),
    )
