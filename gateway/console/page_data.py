"""The JSON island of a page: all that its script has to know of a route. The page is drawn from the same."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import msgspec

from gateway.codecs.json import encode
from gateway.console.fields import described
from gateway.console.plots import plot_data
from gateway.console.site import Site
from gateway.console.why import words_of
from gateway.routing.routes import Route
from gateway.schema import Output, Signature


def island(
    route: Route,
    site: Site,
    *,
    max_body_size: int,
    inputs: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
    explains: bool = False,
) -> dict[str, Any]:
    """
    Return the data of a route; `inputs` are the values that the form shows, `result` what they gave.

    `explains` says that the switch for explanations is on.
    """
    spec, signature = route.spec, route.signature
    problem, words = route.reason, words_of(route)
    return {
        "name": route.name,
        "path": spec.path,
        "url": site.url(spec.path),
        "check": site.url(f"{spec.path}/check"),
        "has_keys": site.has_keys,
        "page": site.page(route.name),
        "state": route.state,
        "problem": None if problem is None else msgspec.to_builtins(problem),
        "version": route.version,
        "generation": site.generation,
        "contract": contract_digest(signature),
        "fields": [] if signature is None else [described(field) for field in signature.inputs],
        "output": None if signature is None else output_data(signature.output),
        "limits": {"max_rows": spec.max_rows, "max_body_size": max_body_size, "timeout_s": spec.timeout_s},
        "batch": spec.batch,
        "id_fields": list(spec.id_fields),
        "plot": plot_data(route, site),
        "explainable": None if words is None else {"scale": words.scale},
        "explains": explains,
        "inputs": inputs,
        "result": result,
    }


def output_data(output: Output) -> dict[str, Any]:
    """Return what the script has to know of the answers."""
    return {
        "kind": output.kind,
        "labels": list(output.labels),
        "probabilities": output.has_probabilities,
        "unit": output.unit,
        "decimals": output.decimals,
        "positive": output.positive,
        "threshold": output.threshold,
        "names": list(output.names),
    }


def contract_digest(signature: Signature | None) -> str:
    """Return a digest of inputs and outputs: a page with the same one fits the route as it is, whatever its words."""
    if signature is None:
        return ""
    output = output_data(signature.output)
    rules = [replace(field, title=None, description=None, examples=()) for field in signature.inputs]
    kept = {name: output[name] for name in ("kind", "labels", "names", "unit", "decimals", "probabilities")}
    return blake2b(encode([msgspec.to_builtins(rules), kept]), digest_size=8).hexdigest()
