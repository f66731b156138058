"""
What a request costs in Python above a bare callable that runs the same compiled model, and what that is made of.

`python -m bench.request_cost` (see README.md). Process time of this thread, least of many batches: other load on the
machine can only add.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import flask
import msgspec
from flask.views import View

from bench.cpu_time import least_us
from bench.inprocess import Wsgi, ask, bare_callable, environ_of, make_gateway
from bench.questions import QUESTIONS
from gateway.answers.answer import AnswerContext
from gateway.codecs.json import encode
from gateway.process.generation_follower import Gateway
from gateway.rest.middleware.telemetry import Telemetry
from gateway.rest.predict.call import Call
from gateway.rest.predict.native import Native
from gateway.rest.predict.prediction import Prediction
from gateway.rest.predict.steps.resolve import resolve
from gateway.rest.responses import JsonResponse, mark
from gateway.routing.routes import Route
from gateway.schema import Predictions
from gateway.validation import Source

ROOT = Path(__file__).resolve().parents[2]


class Cost(NamedTuple):
    """Hold the microseconds of one route: whole, bare, an empty view of plain Flask, and the parts from outside in."""

    gateway_us: float
    bare_us: float
    flask_us: float
    parts: dict[str, float]


def _start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    """Take what a server would send."""


def request_us(app: Wsgi, path: str, body: bytes, batches: int) -> float:
    """Return the cost of one request without the making of its environ."""

    def whole() -> None:
        for _ in app(environ_of(path, body), _start):
            pass

    return least_us(whole, batches) - least_us(lambda: environ_of(path, body), batches)


class Bare(View):  # type: ignore[misc,unused-ignore]
    """Answer nothing through plain Flask."""

    methods = ("GET", "POST")

    def dispatch_request(self) -> flask.Response:
        """Answer."""
        return flask.Response(b"{}", 200, mimetype="application/json")


def _no_prediction(self: Prediction) -> flask.Response:
    call = Call(Native(), self._find, self._offload)
    flask.request.environ["gateway.call"] = call
    resolve(call)
    response = JsonResponse(b"{}")
    mark(response, "1", ())
    return response


def parts_of(gateway: Gateway, route: Route, body: bytes, batches: int) -> dict[str, float]:
    """
    Return the cost of each layer.

    Layers are taken off from outside in: with the Resource's work gone, then without telemetry; the steps inside the
    Resource are timed alone.
    """
    path = route.spec.path
    telemetry: Any = gateway._app
    assert isinstance(telemetry, Telemetry)
    original = Prediction.dispatch_request
    Prediction.dispatch_request = _no_prediction  # type: ignore[method-assign]
    try:
        empty_us = request_us(gateway, path, body, batches)

        def inner(environ: dict[str, Any], start: Any) -> Any:
            environ |= {"gateway.generation": gateway.generation, "gateway.request_id": "0" * 32}
            return telemetry._app(environ, start)

        without_telemetry_us = request_us(inner, path, body, batches)
    finally:
        Prediction.dispatch_request = original  # type: ignore[method-assign]
    return {
        "telemetry (ids, metrics, scoreboard)": empty_us - without_telemetry_us,
        "Flask and the Resource with an empty answer": without_telemetry_us,
        **steps_of(route, body, batches),
    }


def steps_of(route: Route, body: bytes, batches: int) -> dict[str, float]:
    """Return the cost of each step inside the Resource."""
    contract = route.must_serve()
    decoded = contract.codec.decode(body)
    source = [Source("json", decoded.instances[0]), Source("query", {})]
    batch = contract.validator.instance(source)
    deadline = time.monotonic() + 1e6
    context = AnswerContext(route.name, route.version, "0" * 32)

    def limited() -> Predictions:
        with route.admit(deadline):
            return route.predict(batch, deadline)

    predictions = limited()
    value = contract.answer(batch, predictions, context)[0]
    model_us = least_us(lambda: route.model.predict(batch.columns, deadline), batches)
    return {
        "decode": least_us(lambda: contract.codec.decode(body), batches),
        "validate": least_us(lambda: contract.validator.instance(source), batches),
        "limits and counts of the predict": least_us(limited, batches) - model_us,
        "predict": model_us,
        "answer": least_us(lambda: contract.answer(batch, predictions, context), batches),
        "encode": least_us(lambda: encode(value), batches),
    }


def measure(gateway: Gateway, name: str, batches: int) -> Cost:
    """Measure one route; checks first that gateway and bare callable answer the same."""
    route = gateway.generation.table.by_name[name]
    question = QUESTIONS[name]
    body = msgspec.json.encode(question.fields)
    bare = bare_callable(route)
    code, found = ask(gateway, route.spec.path, body)
    if code != 200 or ask(bare, route.spec.path, body)[0] != 200:
        raise SystemExit(f"{route.spec.path} answered {code}: {found}; expected 200")
    gateway_us = request_us(gateway, route.spec.path, body, batches)
    bare_us = request_us(bare, route.spec.path, body, batches)
    parts = parts_of(gateway, route, body, batches)
    parts["the rest: glue, reading the body, headers"] = gateway_us - sum(parts.values())
    plain = flask.Flask("plain", static_folder=None)
    plain.add_url_rule(route.spec.path, view_func=Bare.as_view("bare"))
    return Cost(gateway_us, bare_us, request_us(plain.wsgi_app, route.spec.path, body, batches), parts)


def table(costs: dict[str, Cost]) -> str:
    """Return the markdown table of all costs."""
    names = list(costs)
    rows: list[tuple[str, list[float]]] = [("bare callable, same model", [costs[name].bare_us for name in names])]
    rows.append(("gateway, whole", [costs[name].gateway_us for name in names]))
    rows.append(("**above the bare callable**", [costs[name].gateway_us - costs[name].bare_us for name in names]))
    rows += [(f"- {part}", [costs[name].parts[part] for name in names]) for part in costs[names[0]].parts]
    rows.append(("an empty view in plain Flask, to compare", [costs[name].flask_us for name in names]))
    lines = [f"| us of CPU a request | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    lines += [f"| {title} | {' | '.join(f'{value:.1f}' for value in values)} |" for title, values in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registry", type=Path, default=ROOT / "registry.yaml")
    parser.add_argument("--home", type=Path, default=ROOT / ".gateway-bench" / "home")
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--routes", default="earnings,diabetes,sentiment,loan")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    gateway = make_gateway(options.registry, options.home)
    costs = {name: measure(gateway, name, options.batches) for name in options.routes.split(",")}
    print(table(costs))
    if options.json:
        options.json.write_text(json.dumps({name: cost._asdict() for name, cost in costs.items()}, indent=1))


if __name__ == "__main__":
    main()
