"""
MLflow's scoring protocol: POST <route>/invocations, GET /ping and /version.

Predictions are what the framework's own predict returns, as MLflow's server answers them: labels, numbers, lists of
several outputs, probabilities of a raw booster, outputs of an ONNX graph by name. `response` templates shape the
gateway's own answers only.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from flask import Response

from gateway import __version__
from gateway.answers.answer import AnswerContext
from gateway.answers.explanations import Explain, ExplainedAnswer
from gateway.answers.own_answer import own_rows, own_tensors
from gateway.codecs import mlflow
from gateway.codecs.json import encode
from gateway.errors import Fault, OptionError
from gateway.registry.contract import Contract
from gateway.rest.api import Endpoint, Resource, generation_of_request
from gateway.rest.errors import RequestError
from gateway.rest.middleware.forwarded import public_path
from gateway.rest.offload import Offload
from gateway.rest.predict.body import Body
from gateway.rest.predict.call import Call
from gateway.rest.predict.dialect import Answering, Chunks
from gateway.rest.predict.explain_option import explain_option
from gateway.rest.predict.explaining import explanations_json, must_explain, must_fit
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.negotiate import Preferences
from gateway.rest.predict.percent_encoding import encoded_texts
from gateway.rest.predict.sources import BODY_TYPES, is_table, table_source
from gateway.rest.predict.steps.resolve import route_at
from gateway.rest.protocols.mlflow_params import without_effect
from gateway.rest.responses import PARAMS_IGNORED, names_ignored
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions, Signature

JSON: Final = "application/json"
#: The answer is MLflow's whatever `batch` of the route says.
_AS_MLFLOW: Final = Preferences(shape="wrapped")


class Invocations(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer POST <route>/invocations."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def post(self, path: str) -> Response:
        """Predict a data frame, records, instances or inputs in JSON, or a table in whatever format the route reads."""
        return Call(Mlflow(), partial(route_at, path), self._offload).answer()


class Mlflow:
    """Speak with one client of MLflow's scoring server."""

    __slots__ = ("_explain", "_is_frame", "_params", "_signature")

    _signature: Signature
    #: Whether the body was a data frame, which graphs answer row by row; a tensor they answer output by output.
    _is_frame: bool
    #: Names of the params of the request that have no effect.
    _params: Sequence[str]
    _explain: Explain | None

    def read(self, request: Intake, contract: Contract) -> Batch | Chunks:
        """Read a data frame in JSON or a table; raises InputError, RequestError 413, 415, 501."""
        self._signature = contract.validator.signature
        _must_answer_alike(request.route, self._signature)
        _must_read(request)
        self._explain = _explain_of(request)
        if is_table(request.media):
            return self._table(request, contract)
        batch = request.work(self._decoded, request.body(), contract)
        if self._explain is not None:
            must_explain(request.route)
            must_fit(self._signature, batch.size)
        return batch

    @property
    def explains(self) -> bool:
        """Say whether the request asks for explanations."""
        return self._explain is not None

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Write what the framework's own predict returns."""
        own = own_rows(self._signature) if self._is_frame else own_tensors(self._signature)
        answer: dict[str, Any] = {"predictions": own(batch, predictions, context)}
        if self._explain is not None and predictions.explanation is not None:
            answer["explanations"] = explanations_json(self._signature, predictions.explanation, self._explain)
        response = Response(encode(answer), 200, mimetype="application/json")
        response.headers.extend(names_ignored(PARAMS_IGNORED, self._params))
        return response

    def _table(self, request: Intake, contract: Contract) -> Chunks:
        without_effect({}, self._signature.output)
        answering: Answering = own_rows(self._signature)
        if self._explain is not None:
            must_explain(request.route)
            answering = ExplainedAnswer(answering, self._signature, self._explain.largest, is_object=False)
        source = table_source(request, contract)
        source.positions = () if self._signature.names_known else self._signature.positions
        return Chunks(source, replace(_AS_MLFLOW, explain=self._explain), answering)

    def _decoded(self, body: Body, contract: Contract) -> Batch:
        body.make_room(contract.limits, times=2)  # rows of names are built from rows of cells
        decoded = mlflow.decode(body.content, self._signature, contract.limits.check)
        contract.limits.check(len(decoded.instances))
        as_frame = self._signature.output.own_as_frame
        self._is_frame = decoded.at in mlflow.FRAMES if as_frame is None else as_frame
        params = dict(decoded.parameters)
        if "explain" in params and all(one.name != "explain" for one in self._signature.output.own_params):
            self._explain = explain_option(params.pop("explain"), "$.params.explain")
        self._params = without_effect(params, self._signature.output)
        return contract.validate(decoded)


def _explain_of(request: Intake) -> Explain | None:
    """Read the option `_explain` of the query; raises OptionError."""
    text: str = request.environ.get("QUERY_STRING", "")
    if "_explain" not in text:
        return None
    query = encoded_texts("query", text.encode("latin-1"))
    if "_explain" in query.repeated:
        raise OptionError([Fault("query._explain", "repeated", "_explain is given more than once", "one value")])
    return explain_option(query.values.get("_explain"), "query._explain")


def _must_answer_alike(route: Route, signature: Signature) -> None:
    """Refuse with 501 where the framework's own predict answers something that this route does not compute."""
    reason = signature.output.own_differs
    if reason:
        path = public_path(route.spec.path)
        raise RequestError(
            f"MLflow's server would answer otherwise than route {path}: {reason}",
            code="unlike-framework",
            hint=f"serve the model as said, or ask {path} for this route's own answer",
        )


def _must_read(request: Intake) -> None:
    """Refuse with 415 what is neither JSON nor a table; texts are UTF-8 here, as MLflow has it."""
    media = request.media
    if (is_table(media) or media == JSON or media.endswith("+json")) and _is_utf8(request):
        return
    kind: str = request.environ.get("CONTENT_TYPE", "")
    path = public_path(request.route.spec.path)
    raise RequestError(
        f"cannot read a body of type {kind[:80]!r}" if media else "the body has no Content-Type",
        code="unsupported-media-type",
        hint=f"send {JSON} or {', '.join(BODY_TYPES)}, in UTF-8; forms and files of forms go to {path}",
    )


def _is_utf8(request: Intake) -> bool:
    """Say whether the body claims to be UTF-8, or claims nothing."""
    charset = request.media_options.get("charset", "utf-8")
    return charset.strip("'\"").lower() in ("utf-8", "utf8", "us-ascii")


class Ping(Endpoint):
    """Answer GET /ping, which load balancers of MLflow and SageMaker deployments ask."""

    def get(self) -> Response:
        """Answer 200 with an empty line when traffic may come, else 503."""
        return Response("\n", 200 if generation_of_request().table.is_ready() else 503, mimetype="text/plain")


class Version(Endpoint):
    """Answer GET /version."""

    def get(self) -> Response:
        """Answer the version of the gateway: no MLflow is installed here."""
        return Response(f"{__version__}\n", 200, mimetype="text/plain")
