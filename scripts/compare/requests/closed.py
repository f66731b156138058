"""A route that ended its workers until the gateway closed it."""

import random
from collections.abc import Iterator
from typing import Final

from compare.requests.base import FORM, Request, get, http, post

#: Asked until the answer says `quarantined`.
KILLING: Final = "/boom?x=9"


def requests(dice: random.Random) -> Iterator[Request]:
    """Yield every way to ask the route, and to ask about it."""
    del dice
    for path in ("/boom?x=1", "/boom", "/boom/schema", "/v2/models/boom", "/v2/models/boom/ready", "/sum?a=1&b=2"):
        yield get("closed", f"closed {path}", path)
    yield http("closed", "closed head", "HEAD /boom?x=1")
    yield post("closed", "closed object", "/boom", {"x": 1})
    yield post("closed", "closed form", "/boom", b"x=1", FORM)
    yield post("closed", "closed csv", "/boom", b"x\n1\n", "text/csv", Accept="text/csv")
    yield post("closed", "closed mlflow", "/boom/invocations", {"inputs": {"x": [1]}})
    tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}
    yield post("closed", "closed v2", "/v2/models/boom/infer", {"inputs": [tensor]})
    yield post("closed", "closed index", "/v2/repository/index", {})
    for path in ("/health/ready", "/v2/health/ready", "/routes", "/openapi.json", "/docs"):
        yield get("closed", f"closed {path}", path)
