"""
What limits callers stands where people and programs look: in the OpenAPI document and in the catalog.

OWASP: API4
"""

import itertools
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.security import key_changes
from rest.one_worker import REGISTRY, Answer, Worker
from security.every_rule import PLACES, ask

BESIDE = REGISTRY.replace("server: {", "server: {limits: {requests: 2/h, burst: 2}, ")
OF_ROUTE = REGISTRY.replace("name: deep,", "name: deep, limits: {requests: 2/h},")
#: A route where MLflow's path would be, called as a tag of the document.
PING = "  /ping: {artifact: sum.stub.json, name: gateway, golden: rows.json}\n"

_ADDRESSES = (f"203.0.{number // 250}.{number % 250}" for number in itertools.count(1))


def operations(document: Any, places: dict[str, str] = PLACES) -> list[tuple[str, str, Any]]:
    """Return the operations of a document: the path with its places filled, the method, and what is told."""
    return [
        (re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], "1"), path), method.upper(), operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    ]


def schema_of(document: Any, answer: Any) -> Any:
    """Return the schema of a JSON response of a document, with what it refers to."""
    return answer["content"]["application/json"]["schema"] | {"components": document["components"]}


def response(document: Any, operation: Any, status: int) -> Any:
    """Return what an operation says of a status."""
    told = operation["responses"][str(status)]
    return document["components"]["responses"][told["$ref"].rpartition("/")[2]] if "$ref" in told else told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where all workers keep what they prepared."""
    return tmp_path_factory.mktemp("told")


@pytest.mark.parametrize(
    ("registry", "more"), [(BESIDE, 7), (OF_ROUTE, 8), (REGISTRY, 0), (BESIDE + PING, 7), (OF_ROUTE + PING, 8)]
)
def test_the_document_says_what_is_limited(folder: Path, registry: str, more: int) -> None:
    """An operation names 429 exactly where the third request of two is refused; form and headers are as told."""
    worker = Worker(folder, registry)
    places = {**PLACES, "version": worker.generation.table.by_name["deep"].version}
    document = ask(worker, "GET", "/openapi.json", True, next(_ADDRESSES)).json
    limited = 0
    for path, method, operation in operations(document, places):
        address = next(_ADDRESSES)
        answers = [ask(worker, method, path, True, address) for _ in range(3)]
        if "/v2/models/" in path and answers[-1].status != 429:  # a name that is no model's is charged elsewhere
            answers = [ask(worker, method, path.replace("deep", "shallow"), True, address) for _ in range(3)]
        assert ("429" in operation["responses"]) == (answers[-1].status == 429), (method, path)
        if answers[-1].status != 429:
            continue
        limited += 1
        told = response(document, operation, 429)
        jsonschema.validate(answers[-1].json, schema_of(document, told))
        assert told["headers"].keys() == {"Retry-After", "RateLimit-Policy", "RateLimit"}
        assert told["headers"].keys() <= names(answers[-1])
        if "200" in operation["responses"]:
            assert {"RateLimit-Policy", "RateLimit"} <= response(document, operation, 200)["headers"].keys()
    assert limited >= more, limited
    assert (limited == 0) == (more == 0)


def names(answer: Answer) -> set[str]:
    """Return the names of the headers of an answer."""
    return {name for name, _ in answer.headers}


def test_with_keys_each_may_have_limits(folder: Path, tmp_path: Path) -> None:
    """Limits stand beside keys as well: every operation of a route may refuse one, and says so; so do refusals."""
    now = datetime.now(UTC)
    free = key_changes.create(tmp_path / "keys.yaml", ["*"], now).text
    small = key_changes.create(tmp_path / "keys.yaml", ["*"], now, limits={"requests": "2/h"}).text
    worker = Worker(folder, REGISTRY, keys=tmp_path / "keys.yaml")
    document = ask(worker, "GET", "/openapi.json", True, Authorization=f"Bearer {free}").json
    for path, method, operation in operations(document):
        is_of_route = path.startswith(("/sum", "/total", "/deep", "/v2/models/"))
        assert ("429" in operation["responses"]) == is_of_route, (method, path)
        if "401" in operation["responses"]:
            alone = ask(worker, method, path, True)
            told = response(document, operation, 401)
            assert alone.status == 401
            jsonschema.validate(alone.json, schema_of(document, told))
            assert told["headers"].keys() == {"WWW-Authenticate"} <= names(alone)
            wrong = response(document, operation, 403)
            assert schema_of(document, wrong)["$ref"].replace(".forbidden", "") == schema_of(document, told)["$ref"]
    sent = {"Authorization": f"Bearer {small}"}
    answers = [ask(worker, "POST", path, True, **sent).status for path in ("/sum", "/sum/check", "/sum/invocations")]
    assert answers == [200, 200, 429]


@pytest.mark.parametrize(
    ("registry", "told", "routes"),
    [(REGISTRY, None, [{}, {}]), (BESIDE, {"requests": "2/h", "burst": 2}, [{}, {}]), (OF_ROUTE, None, [{}, {"requests": "2/h"}])],
)  # fmt: skip
def test_the_catalog_tells_limits(folder: Path, registry: str, told: Any, routes: list[Any]) -> None:
    """Limits of what is no route stand beside the routes, theirs in each; nothing where nothing is limited."""
    catalog = ask(Worker(folder, registry), "GET", "/routes", True, next(_ADDRESSES)).json
    assert catalog.get("limits") == told
    of_callers = ("requests", "burst", "rows", "daily")
    found = [{name: one["limits"][name] for name in of_callers if name in one["limits"]} for one in catalog["routes"]]
    assert found == routes
