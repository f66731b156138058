"""Inference by the Open Inference Protocol v2, as JSON or with binary tensors: one dialect of a call."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from flask import Response

from gateway.answers.answer import AnswerContext
from gateway.answers.columns import Columns, columns_of, plan_of
from gateway.answers.explanations import Explain
from gateway.codecs import v2, v2_outputs, v2_specs, v2_tables
from gateway.codecs.json import encode
from gateway.errors import InputError
from gateway.registry.contract import Contract
from gateway.rest.api import Resource
from gateway.rest.errors import MAX_ECHOED, RequestError
from gateway.rest.offload import Offload
from gateway.rest.predict.body import Body
from gateway.rest.predict.call import Call
from gateway.rest.predict.explain_option import explain_option
from gateway.rest.predict.explaining import explanations_json, must_explain, must_fit
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.steps.resolve import model_named
from gateway.routing.routes import Route
from gateway.schema import Batch, Predictions
from gateway.validation import Validator

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_LENGTH_DIGITS: Final = 20
BINARY: Final = "application/octet-stream"


class Infer(Resource):  # type: ignore[misc]  # flask_restful has no types
    """Answer POST of an inference request, as JSON or with binary tensors on either way."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def post(self, model: str, version: str | None = None) -> Response:
        """Predict; `outputs` of the request choose tensors and their form."""
        return Call(OpenInference(), partial(model_named, model, version), self._offload).answer()


class OpenInference:
    """Speak with one client; `_wanted` are the outputs it asked for, and whether each goes as raw bytes."""

    __slots__ = ("_contract", "_explain", "_inference", "_wanted")

    _contract: Contract
    _inference: v2.InferRequest
    _wanted: list[tuple[v2_specs.TensorSpec, bool]]
    _explain: Explain | None

    def read(self, request: Intake, contract: Contract) -> Batch:
        """Read the tensors of a request; raises InputError, RequestError 400, 413, 415."""
        self._contract = contract
        body = request.body()
        batch = request.work(self._decoded, body, _header_length(request.environ, request.media, len(body)))
        self._explain = explain_option(self._inference.parameters.get("explain"), "$.parameters.explain")
        if self._explain is not None:
            must_explain(request.route)
            must_fit(contract.validator.signature, batch.size)
        return batch

    @property
    def explains(self) -> bool:
        """Say whether the request asks for explanations."""
        return self._explain is not None

    def write(self, route: Route, batch: Batch, predictions: Predictions, context: AnswerContext) -> Response:
        """Write the JSON of an answer and the raw tensors that follow it."""
        inference, wanted = self._inference, self._wanted
        plan = plan_of(self._contract.validator.signature, {"value", "probabilities"})
        columns = columns_of(plan, batch, predictions)
        tensors = [v2_outputs.output_tensor(spec, _cells(columns, spec), binary=binary) for spec, binary in wanted]
        answer: dict[str, Any] = {"model_name": context.model, "model_version": context.version}
        if inference.id is not None:
            answer["id"] = inference.id
        parameters: dict[str, Any] = {}
        if (content := inference.parameters.get("content_type")) in ("pd", "np", "str"):
            parameters["content_type"] = content
        if self._explain is not None and predictions.explanation is not None:
            signature = self._contract.validator.signature
            parameters["explanation"] = explanations_json(signature, predictions.explanation, self._explain)
        if parameters:
            answer["parameters"] = parameters
        outputs = [shown for shown, _ in tensors]
        if content == "pd" and inference.outputs is None:
            pairs = zip(outputs, wanted, strict=True)
            outputs = [column for shown, (spec, _) in pairs for column in v2_outputs.as_columns(shown, spec.labels)]
        answer["outputs"] = outputs
        return _response(encode(answer), b"".join(raw for _, raw in tensors))

    def _decoded(self, body: Body, header_length: int | None) -> Batch:
        contract, content = self._contract, body.content
        signature, check = contract.validator.signature, contract.limits.check
        if header_length == 0:
            self._inference = v2_tables.raw_request(content, signature)
        else:
            body.make_room(contract.limits)
            self._inference = v2.decode(content, header_length, check)
        check(self._inference.inputs[0].shape[0])
        self._wanted = v2_outputs.chosen(
            self._inference, v2_specs.output_specs(signature), v2_specs.joined_specs(signature)
        )
        return _checked(self._inference, contract.validator)


def _cells(columns: Columns, spec: v2_specs.TensorSpec) -> Sequence[Any]:
    """Return the values of one tensor, one for each row."""
    if spec.output is None:
        return (columns.probabilities or []) if spec.name == "probabilities" else columns.values
    if spec.name != spec.output:
        return columns.each[spec.output]
    return [row[spec.output] for row in columns.values]


def _checked(inference: v2.InferRequest, validator: Validator) -> Batch:
    names, columns = v2_tables.table_of(inference, validator.signature)
    try:
        return validator.columns(names, columns, at="$.inputs")
    except InputError as error:
        raise v2_tables.locator_of(inference, validator.signature).rebased(error) from None


def _header_length(environ: Mapping[str, Any], media: str, size: int) -> int | None:
    """Return how many bytes of JSON precede binary tensors, None for a body that is JSON; raises RequestError 415."""
    text = environ.get("HTTP_INFERENCE_HEADER_CONTENT_LENGTH")
    if media not in ("", "application/json", BINARY) and not media.endswith("+json"):
        raise RequestError(
            f"cannot read a body of type {media[:MAX_ECHOED]!r}",
            code="unsupported-media-type",
            hint=f"send application/json, or {BINARY} with {HEADER_LENGTH}",
        )
    if text is None:
        return None
    # Python refuses to read numbers of thousands of digits, and no body has a length of twenty.
    if not (text.isascii() and text.isdigit()) or len(text) >= _LENGTH_DIGITS or int(text) > size:
        raise RequestError(
            f"{HEADER_LENGTH} is {text[:20]!r}, the body has {size} bytes",
            code="bad-header",
            hint="send how many bytes of JSON precede the tensors",
        )
    return int(text)


def _response(head: bytes, raw: bytes) -> Response:
    response = Response(head + raw, 200, mimetype=BINARY if raw else "application/json")
    if raw:
        response.headers[HEADER_LENGTH] = str(len(head))
    return response
