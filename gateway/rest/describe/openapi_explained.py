"""What the OpenAPI document says of explanations: the options that ask for them, the schemas of explained answers."""

from typing import Final

from gateway.answers.json_schema import answer_schema, batch_schema, explanation_schema
from gateway.answers.templates import without_explanation
from gateway.registry.spec import RouteSpec
from gateway.rest.describe.openapi_parts import SCHEMAS, Part, make_object, ref
from gateway.rest.predict.explaining import is_explainable
from gateway.routing.routes import Route
from gateway.schema import Signature

_NUMBER: Final[Part] = {"type": "integer", "minimum": 1, "maximum": 999999999}
_DESCRIPTION: Final = "the explanation stands beside each answer; a number names so many fields and sums up the others"
_OPTIONS: Final[list[Part]] = [
    {
        "name": "_explain",
        "in": "query",
        "description": f"{_DESCRIPTION}; also as a header: Prefer: explain, Prefer: explain=5",
        "schema": {"anyOf": [{"enum": ["true", "false"]}, _NUMBER]},
    },
]
_EXPLAIN: Final[Part] = {
    "description": f"{_DESCRIPTION}; 422 where the model has no exact explanation",
    "anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, _NUMBER],
}


def explain_options(route: Route) -> list[Part]:
    """Return the parameters that ask a route for explanations; none where it has none."""
    return _OPTIONS if is_explainable(route) else []


def explained_schemas(name: str, signature: Signature, spec: RouteSpec) -> Part:
    """Return the schemas of answers with their explanations."""
    explanation = ref(f"{name}.explanation")
    explained = make_object(
        ["answer", "explanation"], answer=answer_beside(name, signature, spec), explanation=explanation
    )
    return {
        f"{name}.explanation": explanation_schema(signature),
        f"{name}.explained": explained | {"additionalProperties": False},
        f"{name}.explained_batch": batch_schema(ref(f"{name}.explained"), spec.batch),
    }


def answer_beside(name: str, signature: Signature, spec: RouteSpec) -> Part:
    """Return the schema of the answer that stands beside an explanation, which it then does not hold itself."""
    bare = without_explanation(spec.response)
    return ref(f"{name}.answer") if bare == spec.response else answer_schema(signature, bare)


def explained_protocols() -> Part:
    """Return the schemas of V2 and of MLflow's scoring protocol with what asks for explanations, and what answers."""
    several: Part = {
        "type": "array",
        "items": ref("explanation"),
        "description": "one per row, where they are asked for",
    }
    answer = SCHEMAS["mlflow.answer"]
    return {
        "explanation": explanation_schema(None),
        "v2.request": _with("v2.request", "parameters", explain=_EXPLAIN),
        "v2.response": _with("v2.response", "parameters", explanation=several),
        "mlflow.request": _with("mlflow.request", "params", explain=_EXPLAIN),
        "mlflow.answer": answer | {"properties": answer["properties"] | {"explanations": several}},
    }


def _with(name: str, member: str, **properties: Part) -> Part:
    """Return a schema of a protocol of which one member has further properties."""
    schema: Part = SCHEMAS[name]
    members = schema["properties"]
    return schema | {"properties": members | {member: members[member] | {"properties": properties}}}
