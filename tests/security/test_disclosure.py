"""
Who may ask a model gets answers and the description of the route, and nothing of the file, the code or the machine.

OWASP: API3, ML05
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.rest.access import Access, access_of
from gateway.security import key_changes
from rest.one_worker import Answer, Worker, environ_of

from .every_rule import FORM, TABLE, V2

#: Stands in the code of the model, and in no answer.
KEPT: Final = "0.77319428865"
CODE: Final = f"""
WEIGHT = {KEPT}  # what was paid for

def predict(a: float, b: float) -> float:
    if a < 0:
        raise ValueError(f"WEIGHT is {{WEIGHT}} in {{__file__}}")
    return a + b
"""
REGISTRY: Final = """\
version: 1
server: {max_body_size: 1MiB}
routes:
  /kept: {artifact: "kept.py:predict"}
  /rounded: {artifact: sum.stub.json, aliases: [/alias], outputs: {decimals: 1}}
  /other: {artifact: sum.stub.json, golden: rows.json}
"""
VALUE: Final = {"a": 8123.4567, "b": 1000}
#: The sum as it is answered, and what only the unrounded one begins with.
ROUNDED, UNROUNDED = "9123.5", "9123.45"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of worker and keys."""
    return tmp_path_factory.mktemp("disclosure")


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    """Return a key that may ask two routes."""
    return key_changes.create(folder / "keys.yaml", ["predict:/kept", "predict:/rounded"], datetime.now(UTC)).text


@pytest.fixture(scope="module")
def worker(folder: Path, key: str) -> Worker:
    """Return a worker that asks for keys, with a model of code."""
    (folder / "kept.py").write_text(CODE)
    return Worker(folder, REGISTRY)


def ask(worker: Worker, key: str, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> Answer:
    """Ask with the key of the route."""
    return worker.ask(environ_of(method, path, body, {"Content-Type": kind, "Authorization": f"Bearer {key}"}))


def bodies_of(path: str) -> Iterator[tuple[bytes, str]]:
    """Yield bodies for a path: one that it takes, one whose values are refused, one that makes the model raise."""
    if path.endswith("/batch"):
        yield TABLE, "multipart/form-data; boundary=x"
    elif path.startswith("/console/"):
        yield FORM, "application/x-www-form-urlencoded"
        yield b"a=-1&b=2", "application/x-www-form-urlencoded"
    elif "/infer" in path:
        yield json.dumps(V2).encode(), "application/json"
        yield json.dumps(V2).replace("[1]}", "[-1]}").encode(), "application/json"
    else:
        for row in ({"a": 1, "b": 2}, {"a": "x", "c": {}}, {"a": -1, "b": 2}):
            yield json.dumps({"inputs": [row]} if path.endswith("/invocations") else row).encode(), "application/json"
    yield b"{", "application/json"
    yield b"", "application/json"


def paths(worker: Worker) -> Iterator[tuple[str, str]]:
    """Yield each method and path of the route that the key may ask, and of what lies around it."""
    version = worker.generation.table.by_name["kept"].version
    for rule in worker.apps[True].url_map.iter_rules():
        path = rule.rule
        values = {"path": "kept", "model": "kept", "name": "kept", "digest": "0", "file": "../../kept.py"}
        for name, value in {**values, "action": "load", "version": version}.items():
            path = path.replace(f"<path:{name}>", value).replace(f"<{name}>", value)
        yield from ((method, path) for method in sorted(rule.methods or ()))
    for name in ("kept.py", "registry.yaml", "keys.yaml", "cache", "rows.json"):
        for before in ("/", "/kept/", "/static/", "/console/static/", "/kept/../", "/kept/%2e%2e/", "//"):
            yield "GET", before + name


def test_no_answer_holds_the_model_or_the_machine(worker: Worker, key: str, folder: Path) -> None:
    """Answers, errors, pages and descriptions: no value of the code, no path of the host, no row of another route."""
    seen = set()
    for method, path in paths(worker):
        for body, kind in bodies_of(path) if method in ("POST", "PUT") else [(b"", "text/plain")]:
            answer = ask(worker, key, method, path, body, kind)
            seen.add(answer.status)
            text = answer.body.decode(errors="replace") + str(answer.headers)
            for kept in (KEPT, str(folder), "Traceback", *(("/other",) if path != "/other" else ())):
                assert kept not in text, (method, path, body, kept, text)
    assert {200, 400, 403, 404, 500} <= seen


def test_an_answer_has_the_members_of_its_contract(worker: Worker, key: str) -> None:
    """An answer holds what the route says; a field that is no input is refused by name, and a hidden one sets nothing."""
    assert ask(worker, key, "POST", "/kept", b'{"a": 1, "b": 2}').json == {"prediction": 3.0}
    detail = ask(worker, key, "POST", "/kept?_detail=true", b'{"a": 1, "b": 2}').json
    assert set(detail) == {"answer", "prediction"}
    for name in ("version", "threshold", "WEIGHT", "prediction", "sha256"):
        refused = ask(worker, key, "POST", "/kept", json.dumps({"a": 1, "b": 2, name: 7}).encode())
        (fault,) = refused.json["errors"]
        assert (refused.status, fault["code"], name in fault["message"]) == (400, "unknown-field", True)
    hidden = ask(worker, key, "POST", "/kept", b'{"a": 1, "b": 2, "__class__": "x", "_model": "/other"}')
    assert (hidden.status, hidden.json) == (200, {"prediction": 3.0})
    described = ask(worker, key, "GET", "/kept/schema").json
    assert set(described["inputs"]["properties"]) == {"a", "b"}


def asked_of_every_kind(worker: Worker, key: str) -> Iterator[tuple[str, Answer]]:
    """Ask for one row by every protocol, format and option that a caller has."""
    row, rows = json.dumps(VALUE).encode(), json.dumps({"instances": [VALUE]}).encode()
    v2: dict[str, Any] = {"inputs": [{**one, "data": [VALUE[str(one["name"])]]} for one in V2["inputs"]]}
    yield "a row", ask(worker, key, "POST", "/rounded", row)
    yield "an alias", ask(worker, key, "POST", "/alias", row)
    yield "details", ask(worker, key, "POST", "/rounded?_detail=true", row)
    yield "a batch", ask(worker, key, "POST", "/rounded", rows)
    yield "a table", ask(worker, key, "POST", "/rounded", b"a,b\n8123.4567,1000\n", "text/csv")
    yield "V2", ask(worker, key, "POST", "/v2/models/rounded/infer", json.dumps(v2).encode())
    yield "MLflow", ask(worker, key, "POST", "/rounded/invocations", json.dumps({"inputs": [VALUE]}).encode())
    yield (
        "a form",
        ask(worker, key, "POST", "/console/rounded", b"a=8123.4567&b=1000", "application/x-www-form-urlencoded"),
    )


def test_rounded_answers_are_rounded_for_everybody(worker: Worker, key: str) -> None:
    """
    With `outputs: {decimals: n}` no path tells more of a number: what inversion and membership inference feed on.

    OWASP: ML03, ML04
    """
    for kind, answer in asked_of_every_kind(worker, key):
        assert answer.status == 200, (kind, answer)
        text = answer.body.decode()
        assert ROUNDED in text, (kind, text)
        assert UNROUNDED not in text, (kind, text)


def test_only_these_descriptions_come_with_a_key_of_a_route(worker: Worker) -> None:
    """The endpoints that a key of one route opens are known by name: one more of them is a decision."""
    opened = {
        rule.endpoint for rule in worker.apps[True].url_map.iter_rules() if not rule.endpoint.startswith("route:")
    }
    assert {name for name in opened if access_of(name) in (Access.DESCRIBE, Access.PREDICT)} == {
        *("check", "invocations", "v2-infer", "v2-infer-version", "schema", "v2-model", "v2-model-version"),
        *("v2-model-ready", "v2-model-ready-version", "console-try", "console-batch", "console-model", "console-plot"),
    }
