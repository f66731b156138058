"""Every way to a model is a Call: whatever one of its steps refuses is refused on every path and in every dialect."""

import ast
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.routing import Rule

from gateway.errors import OverloadError
from gateway.executors.local import LocalExecutor
from gateway.rest.access import Access
from gateway.rest.predict.steps.authorise import authorise
from gateway.rest.predict.steps.limit import charge_request, charge_rows
from gateway.security.principal import ANONYMOUS, Principal
from rest.one_worker import Answer, Worker, environ_of
from security.every_rule import PLACES
from serving import ROOT

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
TABLE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\na,b\n1,2\n\r\n--x--\r\n'
ROW = {"a": 1, "b": 2}


def multipart(name: str, file: str, kind: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a form of one part and its headers."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'
    head += f"Content-Type: {kind}\r\n\r\n" if kind else "\r\n"
    return head.encode() + content + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


def tensors(rows: int) -> dict[str, Any]:
    """Return an inference request of so many rows."""
    return {
        "inputs": [{"name": name, "shape": [rows], "datatype": "FP64", "data": [1.0] * rows} for name in ("a", "b")]
    }


def binary(rows: int) -> tuple[bytes, dict[str, str]]:
    """Return an inference request with binary tensors, and its headers."""
    raw = np.ones(rows, dtype="<f8").tobytes()
    inputs = [
        {"name": name, "shape": [rows], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
        for name in ("a", "b")
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return head + raw * 2, {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }


def csv(rows: int) -> bytes:
    """Return a table."""
    return b"a,b\n" + b"1,2\n" * rows


FILE = '; filename="f.csv"'
INFER, INVOCATIONS = "/v2/models/sum/infer", "/sum/invocations"
#: Dialect -> method and target, body, headers, rows.
DIALECTS: dict[str, tuple[str, bytes, dict[str, str], int]] = {
    "query": ("GET /sum?a=1&b=2", b"", {}, 1),
    "alias": ("GET /total?a=1&b=2", b"", {}, 1),
    "positional": ("GET /sum?data=1,2", b"", {}, 1),
    "form": ("POST /sum", b"a=1&b=2", FORM, 1),
    "console link": ("GET /console/sum?a=1&b=2", b"", {}, 1),
    "console form": ("POST /console/sum", b"a=1&b=2", FORM, 1),
    "golden rows": ("POST /console/sum/model", b"", {}, 1),
    "json": ("POST /sum", json.dumps(ROW).encode(), JSON, 1),
    "json answered as csv": ("POST /sum", json.dumps(ROW).encode(), {**JSON, "Accept": "text/csv"}, 1),
    "positional json": ("POST /sum", b'{"data": [1, 2]}', JSON, 1),
    "short list": ("POST /sum", json.dumps([ROW] * 3).encode(), JSON, 3),
    "long list": ("POST /sum", json.dumps([ROW] * 150).encode(), JSON, 150),
    "list that skips": ("POST /sum", json.dumps([ROW, {}, ROW]).encode(), {**JSON, "Prefer": "on-error=skip"}, 3),
    "large body": ("POST /sum", json.dumps(ROW).encode() + b" " * 20_000, JSON, 1),
    "csv": ("POST /sum", csv(4), {"Content-Type": "text/csv"}, 4),
    "csv of two chunks": ("POST /sum", csv(10_004), {"Content-Type": "text/csv"}, 10_004),
    "ndjson": ("POST /sum", json.dumps(ROW).encode() + b"\n", {"Content-Type": "application/x-ndjson"}, 1),
    "file": ("POST /sum", *multipart("file", FILE, "text/csv", csv(2)), 2),
    "file of json": ("POST /sum", *multipart("file", FILE, "application/json", json.dumps([ROW] * 2).encode()), 2),
    "parts": ("POST /sum?b=2", *multipart("a", "", "", b"1"), 1),
    "v2": (f"POST {INFER}", json.dumps(tensors(2)).encode(), JSON, 2),
    "v2 of two chunks": (f"POST {INFER}", json.dumps(tensors(10_001)).encode(), JSON, 10_001),
    "v2 binary": (f"POST {INFER}", *binary(3), 3),
    "mlflow": (f"POST {INVOCATIONS}", json.dumps({"dataframe_records": [ROW] * 2}).encode(), JSON, 2),
    "mlflow csv": (f"POST {INVOCATIONS}", csv(3), {"Content-Type": "text/csv"}, 3),
}


class Refused(OverloadError):
    """What a test refuses with."""

    code = "refused-by-a-test"


class Untouchable(io.RawIOBase):
    """Stand for a body that must not be read."""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fail."""
        raise AssertionError("the body was read")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker that serves in this process."""
    return Worker(tmp_path_factory.mktemp("worker"))


@pytest.fixture
def predicts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the rows of every predict of a model."""
    seen: list[int] = []
    original = LocalExecutor.predict

    def noted(self: LocalExecutor, columns: Any, deadline: float) -> Any:
        seen.append(len(columns[0]))
        return original(self, columns, deadline)

    monkeypatch.setattr(LocalExecutor, "predict", noted)
    return seen


def replace(monkeypatch: pytest.MonkeyPatch, step: Callable[..., Any], by: Callable[..., Any]) -> None:
    """Put another function in the place of a step, wherever it is called."""
    for name, module in list(sys.modules.items()):
        if name.startswith("gateway.") and getattr(module, step.__name__, None) is step:
            monkeypatch.setattr(module, step.__name__, by)


def refuse(*arguments: Any) -> Any:
    """Refuse whatever is asked."""
    raise Refused("no")


def targets(worker: Worker) -> Iterator[tuple[Rule, str, str]]:
    """Yield every rule with each of its methods, and a path that it matches; OPTIONS carries no credentials."""
    version = worker.generation.table.by_name["deep"].version
    for rule in worker.apps[True].url_map.iter_rules():
        path = rule.rule
        for name, value in {**PLACES, "version": version}.items():
            path = path.replace(f"<path:{name}>", value).replace(f"<{name}>", value)
        assert "<" not in path, path
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield rule, method, path


def ask(worker: Worker, method: str, path: str, *, fast: bool, **more: Any) -> Answer:
    """Ask a path with a body that predicts where anything does."""
    value = tensors(1) if path.endswith("/infer") else {"inputs": [ROW]} if path.endswith("/invocations") else ROW
    body = b"{}" if path.startswith("/v2/repository") else json.dumps(value).encode()
    headers = JSON
    if path.startswith("/console/"):
        body, headers = (TABLE, MULTIPART) if path.endswith("/batch") else (b"a=1&b=2", FORM)
    return worker.ask(environ_of(method, path, body, headers, **more), fast=fast)


@pytest.mark.parametrize("fast", [True, False])
def test_the_paths_that_predict(worker: Worker, predicts: list[int], fast: bool) -> None:
    """The map has these paths to a model and no others; a new one is added here on purpose."""
    found = set()
    for rule, method, path in targets(worker):
        predicts.clear()
        answer = ask(worker, method, path, fast=fast)
        # No route here has a plot.
        allowed = (404,) if rule.rule == "/console/<name>/plot/<digest>" else (200, 403)
        assert answer.status in allowed, (rule.rule, method, answer)
        if predicts:
            found.add((rule.rule, method))
    native = {(path, method) for path in ("/sum", "/total", "/deep/sum") for method in ("GET", "HEAD", "POST")}
    assert found == native | {
        ("/<path:path>/invocations", "POST"),
        ("/console/<name>", "POST"),
        ("/console/<name>/batch", "POST"),
        ("/console/<name>/model", "POST"),
        ("/v2/models/<model>/infer", "POST"),
        ("/v2/models/<model>/versions/<version>/infer", "POST"),
    }


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("step", [authorise, charge_request])
def test_every_endpoint_is_refused(
    worker: Worker, predicts: list[int], monkeypatch: pytest.MonkeyPatch, step: Callable[..., Any], fast: bool
) -> None:
    """Where the step refuses, every rule with every method answers the refusal, before a body is read."""
    replace(monkeypatch, step, refuse)
    for rule, method, path in targets(worker):
        answer = ask(worker, method, path, fast=fast, **{"wsgi.input": io.BufferedReader(Untouchable())})
        assert answer.status == 503, (rule.rule, method, answer)
        assert method == "HEAD" or b"no" in answer.body
    assert predicts == []


@pytest.mark.parametrize("fast", [True, False])
def test_every_endpoint_is_charged_once(worker: Worker, monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    """Each request is authorised once, and charged once to whoever was authorised and for the route it names."""
    seen: list[tuple[str, Any]] = []

    def noted(environ: dict[str, Any], route: Any, access: Access) -> Principal:
        seen.append(("authorise", route))
        return ANONYMOUS

    replace(monkeypatch, authorise, noted)
    replace(monkeypatch, charge_request, lambda principal, route: seen.append((principal.id, route)))
    for rule, method, path in targets(worker):
        seen.clear()
        ask(worker, method, path, fast=fast)
        (first, about), (name, route) = seen
        assert (first, name, about) == ("authorise", "anonymous", route), rule.rule
        names_a_route = "<" in rule.rule or rule.endpoint.startswith("route:")
        names_a_route = names_a_route and rule.endpoint != "static-files"
        assert (route is not None) == (names_a_route and rule.endpoint != "v2-control"), rule.rule


@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_are_charged_once(
    worker: Worker, predicts: list[int], monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    """A call is charged its rows once, after they were found valid and before the first is predicted."""
    target, body, headers, rows = DIALECTS[dialect]
    method, path = target.split(" ")
    charged: list[tuple[str, str, int, int]] = []
    replace(
        monkeypatch,
        charge_rows,
        lambda principal, route, count: charged.append((principal.id, route.name, count, len(predicts))),
    )
    assert worker.ask(environ_of(method, path, body, headers)).status == 200
    assert charged == [("anonymous", "sum", rows, 0)]
    assert sum(predicts) >= rows - 1  # one row of those that skip is wrong


@pytest.mark.parametrize("dialect", DIALECTS)
def test_refused_rows_are_not_predicted(
    worker: Worker, predicts: list[int], monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    """A call whose rows are refused answers the refusal, in the form of its protocol, and asks no model."""
    target, body, headers, _ = DIALECTS[dialect]
    method, path = target.split(" ")
    replace(monkeypatch, charge_rows, refuse)
    answer = worker.ask(environ_of(method, path, body, headers))
    assert (answer.status, predicts) == (503, [])
    assert b"no" in answer.body


def test_faulty_rows_are_not_charged(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused as faulty costs no rows."""
    charged: list[int] = []
    replace(monkeypatch, charge_rows, lambda principal, route, count: charged.append(count))
    assert worker.ask(environ_of("POST", "/sum", b'{"a": "x"}', JSON)).status == 400
    assert worker.ask(environ_of("POST", "/sum", b"a,b\n1,x\n", {"Content-Type": "text/csv"})).status == 400
    assert charged == []


def test_options_asks_no_model(worker: Worker, predicts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """OPTIONS is answered from the map alone; what a browser asks beforehand carries no key, and needs none."""
    paths = [path for _, _, path in targets(worker)]
    assert {worker.ask(environ_of("OPTIONS", path, b"{}", JSON)).status for path in paths} == {200}
    replace(monkeypatch, authorise, refuse)
    asked = {**JSON, "Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert {worker.ask(environ_of("OPTIONS", path, b"{}", asked)).status for path in paths} == {204}
    assert predicts == []


def called(path: Path) -> set[str]:
    """Return the names of what a file calls."""
    nodes = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in nodes}


def test_each_step_has_one_door() -> None:
    """In rest/, one file asks a route for predictions, one for a slot; two of them ask who calls."""
    rest = ROOT / "gateway" / "rest"
    users: dict[str, set[str]] = {}
    for path in rest.rglob("*.py"):
        source = path.read_text()
        for text in ("route.predict(", "model.predict(", ".admit(", "authorise(", "charge_request(", "charge_rows("):
            if any(text in line and not line.lstrip().startswith("def ") for line in source.splitlines()):
                users.setdefault(text, set()).add(path.relative_to(rest).as_posix())
    assert users == {
        "route.predict(": {"predict/steps/predict.py"},
        ".admit(": {"predict/steps/admit.py"},
        "authorise(": {"api.py", "predict/call.py"},
        "charge_request(": {"api.py", "predict/call.py"},
        "charge_rows(": {"predict/call.py", "predict/batch.py"},
    }
    # Whatever else is called predict is the step itself.
    calls = {path.relative_to(rest).as_posix() for path in rest.rglob("*.py") if "predict" in called(path)}
    assert calls == {"predict/steps/predict.py", "predict/call.py", "predict/batch.py"}
