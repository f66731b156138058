"""
Each caller gets what the scopes of its key cover and nothing else, whatever path, alias, protocol or method leads there.

OWASP: API1, API5
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from gateway.rest import covered_routes
from gateway.rest.access import Access, access_of
from gateway.security import api_key, key_changes
from rest.one_worker import Answer, Worker
from security.every_rule import ask, targets

NOW = datetime.now(UTC)
#: Scope of a right key for each access, of which each alone opens the route called deep.
RIGHT: Final[dict[Access, tuple[str, ...]]] = {
    Access.KNOWN: ("metrics",),
    Access.PREDICT: ("predict:/deep/sum", "predict:*", "*"),
    Access.DESCRIBE: ("predict:/deep/sum", "predict:*", "catalog", "*"),
    Access.CATALOG: ("catalog", "*"),
    Access.METRICS: ("metrics", "*"),
}
EVERY: Final = ("predict:/sum", "predict:/deep/sum", "predict:/deep", "predict:*", "catalog", "metrics", "*")
#: Statuses of an endpoint that was reached: the route has no plot, models are not loaded by request.
REACHED: Final = {"console-plot": {404}, "v2-control": {403}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of worker and keys."""
    return tmp_path_factory.mktemp("matrix")


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """Return keys by what they are: of each scope, and those that nobody gets anything for."""
    path = folder / "keys.yaml"
    found = {scope: key_changes.create(path, [scope], NOW).text for scope in EVERY}
    found["none"] = key_changes.create(path, [], NOW).text
    found["expired"] = key_changes.create(path, ["*"], NOW, expires=NOW - timedelta(seconds=1)).text
    revoked = key_changes.create(path, ["*"], NOW)
    key_changes.revoke(path, revoked.key.id, NOW)
    found["revoked"] = revoked.text
    found["wrong"] = api_key.new_text(revoked.key.id)
    found["unknown"] = api_key.new_text("aaaaaaaa")
    return found


@pytest.fixture(scope="module")
def worker(folder: Path, keys: dict[str, str]) -> Worker:
    """Return a worker that asks for keys."""
    return Worker(folder)


@pytest.mark.parametrize("fast", [True, False])
def test_exactly_the_allowed_cells_pass(worker: Worker, keys: dict[str, str], fast: bool) -> None:
    """What is public answers everybody; all else the keys of its row, 401 who is not known, and 403 every other."""
    cells = 0
    for rule, method, path in targets(worker):
        access = access_of(rule.endpoint)
        if rule.endpoint.startswith("console-") and method == "POST":
            access = Access.PREDICT
        right = RIGHT.get(access, ())
        for name in (None, *keys):
            answer = ask(
                worker, method, path, fast, **({} if name is None else {"Authorization": f"Bearer {keys[name]}"})
            )
            cells += 1
            if access is Access.PUBLIC:
                wanted = {200}
            elif name in right or (access is Access.KNOWN and name in (*EVERY, "none")):
                wanted = {200} if method == "OPTIONS" else REACHED.get(rule.endpoint, {200})
            else:
                wanted = {403} if name in (*EVERY, "none") else {401}
            assert answer.status in wanted, (rule.rule, method, name, answer)
            assert re.search("no-store|private, no-cache|immutable", pairs(answer)["Cache-Control"]), (
                rule.rule,
                method,
                answer,
            )
    assert cells > 600


def test_every_kind_of_key_header(worker: Worker, keys: dict[str, str]) -> None:
    """A key counts as bearer token in any case of the word, and as X-API-Key; never in the query or as a password."""
    key = keys["predict:/sum"]
    for headers in ({"Authorization": f"Bearer {key}"}, {"Authorization": f"bEARER  {key} "}, {"X-API-Key": key}):
        assert ask(worker, "POST", "/sum", True, **headers).status == 200, headers
    both = {"Authorization": f"Bearer {key}", "X-API-Key": key}
    assert ask(worker, "POST", "/sum", True, **both).status == 200
    assert ask(worker, "POST", "/sum", True, Authorization="Basic eDp5", **{"X-API-Key": key}).status == 200
    refused: list[dict[str, str]] = [
        {"Authorization": f"Basic {key}"},
        {"Authorization": key},
        {"Authorization": f"Bearer {key},Bearer {key}"},
        {"Authorization": f"Bearer {key}", "X-API-Key": keys["*"]},
        {"X-API-Key": ""},
        {"Cookie": f"gateway-key={key}"},
    ]
    for headers in refused:
        assert ask(worker, "POST", "/sum", True, **headers).status == 401, headers
    for query in (f"api_key={key}", f"key={key}", f"access_token={key}"):
        assert ask(worker, "POST", f"/sum?{query}", True).status == 401


def pairs(answer: Answer) -> dict[str, str]:
    """Return the headers of an answer."""
    return dict(answer.headers)


def test_slips_of_the_pen_are_told_by_name(worker: Worker, keys: dict[str, str]) -> None:
    """An empty key, a missing or misplaced Bearer and the name of a variable are what newcomers send."""
    key = keys["predict:/sum"]
    for headers, told in (
        ({}, "this gateway asks for a key"),
        ({"Authorization": "Bearer "}, "the key is empty"),
        ({"Authorization": "Bearer"}, "the key is empty"),
        ({"X-API-Key": ""}, "the key is empty"),
        ({"Authorization": key}, "does not begin with Bearer"),
        ({"Authorization": "Basic eDp5"}, "does not begin with Bearer"),
        ({"X-API-Key": f"Bearer {key}"}, "Bearer belongs to Authorization"),
        ({"Authorization": "Bearer $GATEWAY_KEY"}, "double quotes"),
        ({"Authorization": "Bearer secret"}, "begin with gw_"),
    ):
        answer = ask(worker, "POST", "/sum", True, **headers)
        assert (answer.status, told in answer.json["detail"] + answer.json["hint"]) == (401, True), (headers, answer)
        assert key[12:] not in str(answer)
    assert ask(worker, "POST", "/sum", True, Authorization="Bearer", **{"X-API-Key": key}).status == 200


@pytest.mark.parametrize("fast", [True, False])
def test_refusals_have_the_form_of_their_protocol(worker: Worker, keys: dict[str, str], fast: bool) -> None:
    """Each protocol's clients find status, reason and way out where they look; 401 says how to say who calls."""
    own = ask(worker, "POST", "/sum", fast)
    assert (own.status, own.json["type"], own.json["status"]) == (401, "urn:gateway:error:unauthorised", 401)
    assert "Authorization: Bearer" in own.json["hint"]
    v2 = ask(worker, "POST", "/v2/models/sum/infer", fast)
    assert "asks for a key" in v2.json["error"]
    mlflow = ask(worker, "POST", "/sum/invocations", fast)
    assert (mlflow.json["error_code"], "asks for a key" in mlflow.json["message"]) == ("UNAUTHENTICATED", True)
    for answer in (own, v2, mlflow):
        assert pairs(answer)["WWW-Authenticate"] == 'Bearer realm="gateway"'
    other = {"Authorization": f"Bearer {keys['predict:/deep/sum']}"}
    own, v2, mlflow = (
        ask(worker, "POST", path, fast, **other) for path in ("/sum", "/v2/models/sum/infer", "/sum/invocations")
    )
    assert own.json["type"] == "urn:gateway:error:forbidden"
    assert own.json["hint"] == "it has: predict:/deep/sum; `gateway key create` makes one with others"
    assert "may not use /v2/models/sum/infer" in v2.json["error"]
    models = ask(worker, "GET", "/v2/models", fast, **other)
    assert "it opens /deep/sum" in models.json["error"]
    assert mlflow.json["error_code"] == "PERMISSION_DENIED"
    for answer in (own, v2, mlflow):
        assert "WWW-Authenticate" not in pairs(answer)


OWN: Final = [{"path": "/deep/sum", "name": "deep", "schema": "/deep/sum/schema", "page": "/console/deep"}]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("path", ["/routes", "/", "/openapi.json", "/health", "/metrics", "/som"])
def test_who_may_not_list_the_routes_is_told_its_own(
    worker: Worker, keys: dict[str, str], path: str, fast: bool
) -> None:
    """A refusal names the routes that the key covers, with their pages and schemas, and none that it does not."""
    own = ask(worker, "GET", path, fast, Authorization=f"Bearer {keys['predict:/deep/sum']}")
    assert (own.status, own.json["routes"]) == (403, OWN)
    if path in ("/routes", "/", "/openapi.json", "/health"):
        assert "; it opens /deep/sum (page /console/deep, schema /deep/sum/schema); " in own.json["hint"]
        every = ask(worker, "GET", path, fast, Authorization=f"Bearer {keys['predict:*']}")
        assert [route["path"] for route in every.json["routes"]] == ["/sum", "/deep/sum"]
    for name in ("none", "predict:/deep"):  # the last is the scope of no route
        refused = ask(worker, "GET", path, fast, Authorization=f"Bearer {keys[name]}")
        assert (refused.status, "routes" in refused.json) == (403, False)
    for address in (OWN[0]["schema"], OWN[0]["page"]):
        key = {"Authorization": f"Bearer {keys['predict:/deep/sum']}"}
        assert ask(worker, "GET", address, fast, **key).status == 200


def told(answer: Answer, path: str) -> tuple[Any, ...]:
    """Return an answer without what differs from path to path, and from request to request."""
    body = {
        name: str(value).replace(f"use {path}", "use PATH")
        for name, value in answer.json.items()
        if name != "request_id"
    }
    headers = {name: value for name, value in answer.headers if name != "Content-Length"}
    return answer.status, body, headers


def test_a_refusal_stays_short(worker: Worker, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many routes it names the first ones, and says how many there are."""
    monkeypatch.setattr(covered_routes, "MOST_DESCRIBED", 1)
    monkeypatch.setattr(covered_routes, "_MOST_NAMED", 1)
    told = ask(worker, "GET", "/routes", True, Authorization=f"Bearer {keys['predict:*']}").json
    assert ([route["path"] for route in told["routes"]], told["total_routes"]) == (["/sum"], 2)
    assert "it opens /sum (page /console/sum, schema /sum/schema) and 1 more; " in told["hint"]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("who", [None, "wrong", "none", "predict:/deep/sum", "metrics"])
@pytest.mark.parametrize(
    ("there", "not_there"),
    [
        ("/sum", "/som"),
        ("/total", "/som"),
        ("/sum/check", "/som/check"),
        ("/sum/schema", "/som/schema"),
        ("/sum/invocations", "/som/invocations"),
        ("/v2/models/sum", "/v2/models/som"),
        ("/v2/models/sum/infer", "/v2/models/som/infer"),
        ("/v2/models/sum/versions/1/infer", "/v2/models/som/versions/1/infer"),
        ("/v2/models/sum/ready", "/v2/models/som/ready"),
        ("/console/sum/plot/0", "/console/som/plot/0"),
        ("/v2/repository/models/sum/load", "/v2/repository/models/som/load"),
    ],
)
def test_nobody_finds_out_which_routes_there_are(
    worker: Worker, keys: dict[str, str], who: str | None, there: str, not_there: str, fast: bool
) -> None:
    """Without the scope of a route it answers as one that is not there, whatever the method."""
    headers = {} if who is None else {"Authorization": f"Bearer {keys[who]}"}
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        one, other = (ask(worker, method, path, fast, **headers) for path in (there, not_there))
        assert told(one, there) == told(other, not_there), method
        assert one.status == (403 if who in EVERY or who == "none" else 401)
        headers_of_a_body = headers | {"Content-Encoding": "br"}
        one, other = (ask(worker, method, path, fast, **headers_of_a_body) for path in (there, not_there))
        assert told(one, there) == told(other, not_there), f"{method} with a coding that is not offered"
        assert one.status == (403 if who in EVERY or who == "none" else 401)


def test_who_may_know_is_told_what_is_wrong(worker: Worker, keys: dict[str, str]) -> None:
    """A key of the catalog gets 404 with a suggestion; one of a route gets 405 with its methods."""
    catalog = {"Authorization": f"Bearer {keys['catalog']}"}
    missing = ask(worker, "GET", "/som", True, **catalog)
    assert (missing.status, missing.json["hint"]) == (404, "did you mean '/sum'?")
    own = {"Authorization": f"Bearer {keys['predict:/sum']}"}
    for path, allowed in (("/sum", "GET, HEAD, OPTIONS, POST"), ("/sum/check", "OPTIONS, POST")):
        answer = ask(worker, "PUT", path, True, **own)
        assert (answer.status, pairs(answer)["Allow"]) == (405, allowed)


def test_the_document_says_who_needs_a_key(worker: Worker, keys: dict[str, str]) -> None:
    """Each operation of the OpenAPI document is answered with each scheme that it names, and refused without one."""
    document = ask(worker, "GET", "/openapi.json", True, Authorization=f"Bearer {keys['catalog']}").json
    schemes = document["components"]["securitySchemes"]
    headers = {
        "bearer": {"Authorization": f"Bearer {keys['*']}"},
        "header": {schemes["header"]["name"]: keys["*"]},
    }
    assert (schemes["bearer"]["scheme"], schemes["header"]["in"], schemes.keys()) == (
        "bearer",
        "header",
        headers.keys(),
    )
    narrow = ask(worker, "GET", "/routes", True, Authorization=f"Bearer {keys['predict:/deep/sum']}").json
    schema = {"$ref": "#/components/schemas/error.forbidden", "components": document["components"]}
    jsonschema.validate(narrow, schema)
    with pytest.raises(jsonschema.ValidationError, match="'path' is a required property"):
        jsonschema.validate(narrow | {"routes": [{"name": "deep", "schema": "/"}]}, schema)
    asked = 0
    for path, item in document["paths"].items():
        at = re.sub(r"\{(\w+)\}", lambda found: {"model": "deep", "action": "load"}.get(found[1], "1"), path)
        for method in item.keys() & {"get", "post"}:
            operation = item[method]
            alone = ask(worker, method.upper(), at, True).status
            named = [name for one in operation.get("security", document["security"]) for name in one]
            assert (alone == 401) == bool(named) == ("401" in operation["responses"]), (method, path)
            for name in named:
                asked += 1
                assert ask(worker, method.upper(), at, True, **headers[name]).status not in (401, 500), (path, name)
    assert asked > 40


def test_browsers_ask_beforehand_without_a_key(worker: Worker) -> None:
    """A preflight of a listed origin is answered, alike for what is there and what is not; others get no answer."""
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answers = [ask(worker, "OPTIONS", path, True, **asked) for path in ("/sum", "/som", "/metrics")]
    assert {answer.status for answer in answers} == {204}
    assert answers[0] == answers[1] == answers[2]
    assert ask(worker, "OPTIONS", "/sum", True, **{**asked, "Origin": "https://evil.example"}).status == 401


def test_live_and_ready_are_open_and_tell_no_more(worker: Worker, keys: dict[str, str]) -> None:
    """Balancers need no key; reasons and names of routes are told to keys of the catalog only."""
    for path in ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/ping"):
        assert ask(worker, "GET", path, True).status == 200
    assert ask(worker, "GET", "/health/ready", True).json == {"status": "ready"}
    assert ask(worker, "GET", "/health/ready", True, Authorization=f"Bearer {keys['metrics']}").json == {
        "status": "ready"
    }
    known = ask(worker, "GET", "/health/ready", True, Authorization=f"Bearer {keys['catalog']}").json
    assert known["generation"] == worker.generation.id


PERSON: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("fast", [True, False])
def test_pages_without_a_key_are_one_page_without_data(worker: Worker, keys: dict[str, str], fast: bool) -> None:
    """A person sees the same page wherever there is a page; where there is none, the same, refused."""
    pages = ["/", "/console/sum", "/console/som", "/console/sum?a=1&b=2", "/console/sum/batch", "/console/som/model"]
    shown = [ask(worker, "GET", path, fast, Accept=PERSON) for path in pages]
    assert {(answer.status, answer.body) for answer in shown} == {(200, shown[0].body)}
    body = shown[0].body.decode()
    assert 'id="unlock"' in body
    assert worker.generation.id[:12] not in body
    for word in ("/sum", "deep", "total"):
        assert word not in body, word
    elsewhere = [ask(worker, "GET", path, fast, Accept=PERSON) for path in ("/sum", "/som", "/metrics", "/health")]
    assert {(answer.status, answer.body) for answer in elsewhere} == {(401, shown[0].body)}


def test_forms_without_a_script_are_refused_with_the_reason(worker: Worker) -> None:
    """What a form without a script sends is refused by a page that says why, and predicts nothing."""
    for path in ("/console/sum", "/console/sum/batch", "/console/sum/model"):
        answer = ask(worker, "POST", path, True, Accept=PERSON)
        assert answer.status == 401
        assert b"<noscript>" in answer.body
        assert b"switch JavaScript on" in answer.body


@pytest.mark.parametrize("who", ["wrong", "predict:/deep/sum", "metrics"])
def test_a_page_of_a_refused_caller_holds_nothing_of_the_route(worker: Worker, keys: dict[str, str], who: str) -> None:
    """A key that does not cover the route gets the refusal as JSON from each page, with inputs or without."""
    headers = {"Accept": PERSON, "Authorization": f"Bearer {keys[who]}"}
    for method, path in (
        ("GET", "/console/sum"),
        ("GET", "/console/sum?a=1&b=2"),
        ("POST", "/console/sum"),
        ("POST", "/console/sum/batch"),
        ("GET", "/console/sum/model"),
        ("POST", "/console/sum/model"),
    ):
        answer = ask(worker, method, path, True, **headers)
        assert answer.status == (401 if who == "wrong" else 403), path
        own = {"routes"} if who.startswith("predict") else set()
        assert set(answer.json) == {"type", "title", "status", "detail", "message", "hint", "request_id"} | own
        assert [route["path"] for route in answer.json.get("routes", ())] == (["/deep/sum"] if own else [])
