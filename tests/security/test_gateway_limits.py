"""
Each caller has limits at everything that is no route, and each address for keys that are refused; balancers have none.

OWASP: API4
"""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from gateway.metrics import NO_ROUTE
from gateway.metrics.instruments import LIMITED as LIMITED_COUNT
from gateway.metrics.instruments import REFUSED
from gateway.rest.access import ROUTE, UNLIMITED
from gateway.rest.predict.steps import resolve
from gateway.security import api_key, key_changes
from rest.one_worker import REGISTRY, Answer, Worker
from security.every_rule import ask, targets

LIMITED = REGISTRY.replace("server: {", "server: {limits: {requests: 2/h}, ")
ORIGIN = {"Origin": "https://app.example"}
#: What is not there, in the form of each protocol.
MISSING = ["/som", "/som/check", "/som/schema", "/som/invocations", "/v2/models/som", "/v2/models/som/infer", "//sum"]

_ADDRESSES = (f"198.51.{number // 250}.{number % 250}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Serve everybody, two requests an hour beside the routes."""
    return Worker(tmp_path_factory.mktemp("open"), LIMITED)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return keys of the worker that asks for them; "folder" is where it is."""
    folder = tmp_path_factory.mktemp("closed")
    path, now = folder / "keys.yaml", datetime.now(UTC)
    found = {
        name: key_changes.create(path, scopes, now, limits=limits).text
        for name, scopes, limits in (
            ("all", ["*"], None), ("deep", ["predict:/deep/sum"], None), ("deep again", ["predict:/deep/sum"], None), ("curious", ["predict:/deep/sum"], None),
            ("large", ["*"], {"requests": "5/h"}), ("free", ["*"], {}),
        )
    }  # fmt: skip
    return found | {"folder": str(folder)}


@pytest.fixture(scope="module")
def closed(keys: dict[str, str]) -> Worker:
    """Serve callers with keys."""
    return Worker(Path(keys["folder"]), LIMITED)


@pytest.fixture
def address() -> str:
    """Return an address that has used up nothing."""
    return next(_ADDRESSES)


def header(answer: Answer, name: str) -> str:
    """Return a header of an answer."""
    return dict(answer.headers).get(name, "")


@pytest.mark.parametrize("fast", [True, False])
def test_every_rule_is_limited_but_those_of_balancers(worker: Worker, fast: bool) -> None:
    """Whatever is no route is refused beyond the limit, by each method; routes and what balancers ask are not."""
    beyond = set()
    for rule, method, path in targets(worker):
        address = next(_ADDRESSES)
        statuses = [ask(worker, method, path, fast, address).status for _ in range(3)]
        if 429 in statuses:
            assert (statuses[:2].count(429), statuses[2]) == (0, 429), (rule.rule, method, statuses)
            beyond.add(rule.endpoint)
    every = {rule.endpoint for rule, _, _ in targets(worker)}
    of_routes = {one for one in every if one.startswith((ROUTE, "v2-model-", "v2-infer", "console-"))}
    assert every - beyond == UNLIMITED | of_routes | {"v2-model", "check", "schema", "invocations"}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("path", MISSING)
def test_paths_that_are_not_there_are_limited(worker: Worker, address: str, path: str, fast: bool) -> None:
    """The third look for a path is a 429 in the form of its protocol; other addresses and routes go on."""
    method = "GET" if path.endswith(("/schema", "models/som")) else "POST"
    answers = [ask(worker, method, path, fast, address) for _ in range(3)]
    assert [answer.status for answer in answers] == [404, 404, 429]
    told = json.dumps(answers[2].json)
    assert "one caller has 2 requests an hour, 2 at once, for everything that is no route" in told
    assert (header(answers[2], "Retry-After"), header(answers[0], "RateLimit")) == ("1800", '"requests";r=1;t=1800')
    assert header(answers[0], "RateLimit-Policy") == '"requests";q=2;w=3600'
    assert ask(worker, "GET", "/som", fast, address).status == 429, "all of it is one limit"
    assert ask(worker, "POST", "/sum", fast, address).status == 200
    assert ask(worker, method, path, fast, next(_ADDRESSES)).status == 404


def test_people_are_told_on_a_page(worker: Worker, address: str) -> None:
    """A browser that asks too often for the index page sees why, with styles; programs get the problem as JSON."""
    people = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    shown = [ask(worker, "GET", "/", True, address, **people) for _ in range(3)]
    assert [answer.status for answer in shown] == [200, 200, 429]
    assert header(shown[2], "Content-Type").startswith("text/html")
    assert (header(shown[2], "Retry-After"), header(shown[2], "RateLimit-Policy")) == ("1800", '"requests";q=2;w=3600')
    assert "2 requests an hour" in shown[2].body.decode()
    assert ask(worker, "GET", "/", True, address).json["type"] == "urn:gateway:error:rate-limited"


@pytest.mark.parametrize("method", ["PUT", "OPTIONS"])
def test_other_methods_of_a_route_are_its_own(tmp_path: Path, method: str) -> None:
    """What no view answers counts for the route all the same, and not for what is no route."""
    limited = LIMITED.replace("golden: rows.json}", "golden: rows.json, limits: {requests: 2/h}}")
    worker = Worker(tmp_path, limited)
    for fast, path in ((True, "/sum"), (False, "/sum"), (True, "/sum/check")):
        address = next(_ADDRESSES)
        statuses = [ask(worker, method, path, fast, address).status for _ in range(3)]
        assert statuses == [405 if method == "PUT" else 200] * 2 + [429]
        assert ask(worker, "POST", "/sum", fast, address).status == 429
        assert ask(worker, "GET", "/routes", fast, address).status == 200


def test_browsers_ask_beforehand_without_limit(worker: Worker, address: str) -> None:
    """A preflight costs nothing: its refusal would look like a path that is closed to the origin."""
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    assert {ask(worker, "OPTIONS", "/routes", True, address, **asked).status for _ in range(5)} == {204}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("kind", ["none", "wrong", "no token"])
def test_keys_that_are_refused_are_limited_by_address(
    closed: Worker, keys: dict[str, str], address: str, kind: str, fast: bool
) -> None:
    """The third try is a 429 in the form of its protocol; a right key of the same address is served."""
    texts = {"none": None, "wrong": api_key.new_text(api_key.parse(keys["all"]).id), "no token": "x.y.z"}
    sent = {} if texts[kind] is None else {"Authorization": f"Bearer {texts[kind]}"}
    paths = ["/sum", "/v2/models/sum/infer", "/som", "/sum/invocations", "/metrics"]
    answers = [ask(closed, "POST" if "m/" in path else "GET", path, fast, address, **sent) for path in paths]
    assert [answer.status for answer in answers] == [401, 401, 429, 429, 429]
    assert (
        "one address has 2 requests an hour, 2 at once, without a key or token that counts" in answers[2].json["detail"]
    )
    assert answers[3].json["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert header(answers[0], "RateLimit-Policy") == '"requests";q=2;w=3600'
    right = {"Authorization": f"Bearer {keys['free']}"}
    for path in ("/sum?a=1&b=2", "/routes"):
        assert ask(closed, "GET", path, fast, address, **right).status == 200
    assert ask(closed, "GET", "/docs", fast, address).status == 200, "what is public has a limit of its own"
    assert ask(closed, "GET", "/sum", fast, next(_ADDRESSES), **sent).status == 401


@pytest.mark.parametrize("fast", [True, False])
def test_no_key_is_tried_in_secret(closed: Worker, keys: dict[str, str], address: str, fast: bool) -> None:
    """/health/ready answers whoever asks, and tells a right key more: a wrong one there is charged and counted too."""
    for _ in range(3):
        assert ask(closed, "GET", "/health/ready", fast, address).json == {"status": "ready"}
    other = {"Authorization": f"Bearer {keys['deep']}"}
    assert ask(closed, "GET", "/health/ready", fast, address, **other).json == {"status": "ready"}
    wrong = {"Authorization": f"Bearer {api_key.new_text(api_key.parse(keys['all']).id)}"}
    counted, charged = REFUSED.cell(NO_ROUTE, "401"), LIMITED_COUNT.cell(NO_ROUTE, "unauthorised")
    before = counted.number, charged.number
    for _ in range(3):
        answer = ask(closed, "GET", "/health/ready", fast, address, **wrong)
        assert (answer.status, answer.json, header(answer, "RateLimit")) == (200, {"status": "ready"}, "")
    assert (counted.number, charged.number) == (before[0] + 3, before[1] + 1)
    assert ask(closed, "GET", "/sum", fast, address, **wrong).status == 429
    right = {"Authorization": f"Bearer {keys['free']}"}
    assert "generation" in ask(closed, "GET", "/health/ready", fast, address, **right).json


def test_nothing_is_looked_up_for_a_refused_caller(
    closed: Worker, keys: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a path or name may have been meant for, slow among 1,000 routes, is found for those only who are told."""

    def look_up(word: str, known: object) -> NoReturn:
        raise AssertionError(f"{word} was looked up")

    monkeypatch.setattr(resolve, "nearest", look_up)
    monkeypatch.setattr(resolve, "did_you_mean", look_up)
    wrong = {"Authorization": f"Bearer {api_key.new_text('aaaaaaaa')}"}
    deep = {"Authorization": f"Bearer {keys['curious']}"}
    for path in MISSING:
        assert ask(closed, "POST", path, True, address, **wrong).status in (401, 429)
        assert ask(closed, "POST", path, True, address, **deep).status in (403, 429)


def test_a_refused_key_finds_out_nothing_by_limits(closed: Worker, keys: dict[str, str]) -> None:
    """Paths of other routes and paths that are not there use up one limit, and are refused alike beyond it."""
    for key, path, other in (("deep", "/sum", "/som"), ("deep again", "/som", "/sum")):
        sent = {"Authorization": f"Bearer {keys[key]}"}
        first, second, third = (ask(closed, "GET", one, True, **sent) for one in (path, other, path))
        assert [first.status, second.status, third.status] == [403, 403, 429]
        assert third.json["detail"] == ask(closed, "GET", other, True, **sent).json["detail"]
        assert ask(closed, "POST", "/deep/sum", True, **sent).status == 200


def test_each_key_is_a_caller_and_may_have_limits_of_its_own(closed: Worker, keys: dict[str, str]) -> None:
    """Limits beside a key take the place of those of the server too, and empty ones lift them."""
    for name, most in (("all", 2), ("large", 5), ("free", 9)):
        sent = {"Authorization": f"Bearer {keys[name]}"}
        statuses = [ask(closed, "GET", "/health", True, next(_ADDRESSES), **sent).status for _ in range(9)]
        assert statuses == [200] * most + [429] * (9 - most), name


def test_refusals_are_counted(closed: Worker, address: str) -> None:
    """What is refused for these limits is counted under no route, by what was used up."""
    cells = [LIMITED_COUNT.cell(NO_ROUTE, limit) for limit in ("requests", "unauthorised")]
    before = [cell.number for cell in cells]
    for _ in range(5):
        ask(closed, "GET", "/docs", True, address)
        ask(closed, "GET", "/metrics", True, address)
    assert [cell.number - number for cell, number in zip(cells, before, strict=True)] == [3, 3]


def test_without_limits_nothing_is_told(tmp_path: Path) -> None:
    """A registry without `server.limits` has neither refusals nor headers of them."""
    worker = Worker(tmp_path)
    answers = [ask(worker, "GET", path, True) for path in ("/routes", "/som", "/health") * 5]
    assert {answer.status for answer in answers} == {200, 404}
    assert not [answer for answer in answers if header(answer, "RateLimit-Policy")]
    assert not (tmp_path / "home/run/limits").exists()
