"""The dialect of the batch page: a file of a form, the format of the answer and what to do about bad rows beside it."""

from dataclasses import replace

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.answers.explanations import ExplainedAnswer
from gateway.codecs.base import refuse
from gateway.console.batch import FORMATS
from gateway.console.why import EXPLAIN
from gateway.errors import Fault, InputError
from gateway.registry.contract import Contract
from gateway.rest.errors import RequestError
from gateway.rest.predict.dialect import Chunks
from gateway.rest.predict.explain_option import explain_option
from gateway.rest.predict.explaining import must_explain
from gateway.rest.predict.form import MULTIPART, Fields, Form
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.negotiate import Preferences, with_options
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions


class BatchDialect:
    """Read the form of one upload; `format` is known once it has been read."""

    __slots__ = ("explains", "format")

    def __init__(self) -> None:
        self.format = "csv"
        self.explains = False

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
        preferences = with_options(Preferences(wanted), {"_on_error": mode}, "form")
        explain = None
        if EXPLAIN in found.options and EXPLAIN not in contract.codec.fields:
            explain = explain_option(found.options[EXPLAIN], f"form.{EXPLAIN}")
        self.explains = explain is not None or contract.answer.explains
        if explain is None:
            return Chunks(found, preferences, contract.answer)
        must_explain(request.route)
        answering = ExplainedAnswer(contract.answer, contract.validator.signature, explain.largest, is_object=False)
        return Chunks(found, replace(preferences, explain=explain), answering)

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Never called: every file is a batch."""
        raise NotImplementedError
