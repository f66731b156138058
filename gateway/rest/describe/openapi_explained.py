"""What the OpenAPI document says of explanations: the option that asks for them, the schemas of explained answers."""

from typing import Final

from gateway.answers.json_schema import batch_schema, explanation_schema
from gateway.rest.describe.openapi_parts import Part, make_object
from gateway.schema import Signature

EXPLAIN_OPTION: Final[Part] = {
    "name": "_explain",
    "in": "query",
    "description": "whether the explanation stands beside the answer of the route; a number names so many fields",
    "schema": {"anyOf": [{"enum": ["true", "false"]}, {"type": "integer", "minimum": 1, "maximum": 999999999}]},
}


def explained_schemas(name: str, signature: Signature, shape: str) -> Part:
    """Return the schemas of answers with their explanations."""
    answer, explanation = ({"$ref": f"#/components/schemas/{name}.{one}"} for one in ("answer", "explanation"))
    return {
        f"{name}.explanation": explanation_schema(signature),
        f"{name}.explained": make_object(["answer", "explanation"], answer=answer, explanation=explanation)
        | {"additionalProperties": False},
        f"{name}.explained_batch": batch_schema({"$ref": f"#/components/schemas/{name}.explained"}, shape),
    }
