"""The dialect of the batch page: a file of a form, the format of the answer and what to do about bad rows beside it."""

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.codecs.base import refuse
from gateway.console.batch import FORMATS
from gateway.errors import Fault, InputError
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.predict.dialect import Chunks
from gateway.rest.predict.form import MULTIPART, Fields, Form
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.negotiate import Preferences, with_options
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions


class BatchDialect:
    """Read the form of one upload; `format` is known once it has been read."""

    __slots__ = ("format",)

    explains = False

    def __init__(self) -> None:
        self.format = "csv"

    def read(self, request: Intake, contract: Contract) -> Chunks:
        """Take the form apart; raises InputError, RequestError 413, 415."""
        if request.media != MULTIPART:
            raise RequestError(
                f"the batch page reads forms with a file, not a body of type {request.media[:80]!r}",
                code="unsupported-media-type",
                hint=f"send {MULTIPART} here, or the file itself to the route",
            )
        form = Form(request)
        found = request.in_thread(form.read, contract)
        if isinstance(found, Fields):
            refuse(
                "multipart", "no file was chosen", at="form.file", expected="file", hint="choose a file, and send it"
            )
        wanted = str(found.options.get("format", self.format))
        if wanted not in FORMATS:
            found.close()
            raise InputError([Fault("form.format", "option", f"{wanted[:40]!r} is no format", list(FORMATS))])
        self.format = wanted
        mode = found.options.get("on_error", found.options.get("_on_error"))
        return Chunks(found, with_options(Preferences(wanted), {"_on_error": mode}, "form"), contract.answer)

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Never called: every file is a batch."""
        raise NotImplementedError
