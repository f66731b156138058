"""The JSON Schemas of one route: of an instance, of its answer, of the answer to a batch, of an explanation."""

from typing import Any

from gateway.answers.json_schema import answer_schema, batch_schema, explanation_schema
from gateway.registry.contract import optional_columns
from gateway.registry.spec import RouteSpec
from gateway.rest.describe.request_schema import instance_schema
from gateway.rest.predict.explaining import is_explainable
from gateway.routing.routes import Route
from gateway.schema import Signature
from gateway.validation.sample import sample

Part = dict[str, Any]


def route_schema(route: Route, signature: Signature, *, strict: bool) -> Part:
    """Return the answer of GET <route>/schema: one JSON Schema of an instance, one of its answer."""
    spec = route.spec
    instance = instance_schema(signature, strict=strict, id_fields=spec.id_fields)
    one, explains = answer_schema(signature, spec.response), is_explainable(route)
    return {
        "route": spec.path,
        "version": route.version,
        "inputs": _titled(f"an instance of {spec.path}", instance | {"examples": [sample(signature)]}),
        "columns": needed_columns(signature, spec),
        "outputs": _titled(f"the answer of {spec.path}", one),
        "batch": _titled(f"the answer of {spec.path} to a batch", batch_schema(one, spec.batch)),
        **({"explanation": _titled(f"why {spec.path} answers so", explanation_schema(signature))} if explains else {}),
    }


def needed_columns(signature: Signature, spec: RouteSpec) -> list[list[str]]:
    """Return the columns that a table must contain, each with its aliases."""
    optional = optional_columns(spec)
    return [[one.name, *one.aliases] for one in signature.inputs if one.name not in optional]


def _titled(title: str, schema: Part) -> Part:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | schema
