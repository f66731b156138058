"""
The contract of a route, compiled from signature and registry: how bodies are decoded and validated, and how an answer
is written.
"""

from dataclasses import dataclass

from gateway.answers.answer import Answer, DetailedAnswer
from gateway.answers.templates import without_explanation
from gateway.artifacts.manifest import Manifest
from gateway.codecs.base import Decoded
from gateway.codecs.chunks import ReadLimits
from gateway.codecs.json_codec import JsonCodec
from gateway.errors import GatewayError, InputError, Problem
from gateway.registry.reading import merged
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RouteSpec
from gateway.schema import Batch, Signature
from gateway.validation import Validator


@dataclass(frozen=True, slots=True)
class Contract:
    """
    Hold what depends only on signature and registry; needs no loaded model.

    `beside` and `detailed_beside` are `answer` and `detailed` without what their template names of the explanation:
    they stand beside one.
    """

    validator: Validator
    codec: JsonCodec
    answer: Answer
    detailed: DetailedAnswer
    beside: Answer
    detailed_beside: DetailedAnswer
    limits: ReadLimits

    def validate(self, decoded: Decoded) -> Batch:
        """Validate decoded instances; raises InputError with the paths that the client knows."""
        try:
            return self.validator.rows(
                decoded.instances, text=decoded.text, at=decoded.at, single=decoded.single, table=decoded.columns
            )
        except InputError as error:
            if decoded.locator is None:
                raise
            raise decoded.locator.rebased(error) from None


def make_contract(signature: Signature, spec: RouteSpec, server: ServerSpec) -> Contract:
    """Compile the contract of a route; raises GatewayError if registry and artifact contradict each other."""
    redact = server.errors == "redacted"
    validator = Validator(
        signature,
        strict=server.strict,
        id_fields=spec.id_fields,
        optional=optional_columns(spec) | {field.name for field in signature.inputs if field.unused},
        redact=redact,
        reading=merged(server.reading, spec.reading),
    )
    codec = JsonCodec.of(signature, strict=server.strict, id_fields=spec.id_fields, redact=redact)
    answer, detailed = Answer(signature, spec.response), DetailedAnswer(signature, spec.response)
    beside, detailed_beside = answer, detailed
    if answer.explains:
        bare = without_explanation(spec.response)
        beside, detailed_beside = Answer(signature, bare), DetailedAnswer(signature, bare)
    return Contract(validator, codec, answer, detailed, beside, detailed_beside, ReadLimits(max_rows=spec.max_rows))


def optional_columns(spec: RouteSpec) -> frozenset[str]:
    """
    Return the fields whose columns a table may omit: only those that the registry declares optional.

    A model that accepts missing values does not suffice: a misspelt column would count as missing.
    """
    written = spec.inputs.items()
    return frozenset(name for name, keys in written if keys.get("required") is False or "default" in keys)


def broken_contract(spec: RouteSpec, server: ServerSpec, manifest: Manifest) -> Problem | None:
    """Return why a prepared route cannot fulfil its contract, or None."""
    if manifest.signature is None or manifest.problem is not None:
        return manifest.problem
    try:
        contract = make_contract(manifest.signature, spec, server)
    except GatewayError as error:
        return error.as_problem()
    return unexplained(contract, manifest)


def unexplained(contract: Contract, manifest: Manifest) -> Problem | None:
    """Return why the `response` of a route cannot hold the explanations that it names, or None."""
    report = manifest.explanation
    if not contract.answer.explains or report is None or not report.reason:
        return None
    return Problem(
        "bad-template",
        f"response: $explanation has no meaning here: {report.reason}",
        f"take $explanation out of `response`{f'; or {report.instead}' if report.instead else ''}",
    )
