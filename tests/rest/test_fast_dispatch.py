"""The short way past Flask's dispatch answers as Flask does: the same requests through both, equal byte by byte."""

import gzip
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.rest.fast_dispatch import FastFlask
from rest.one_worker import Answer, Worker, environ_of

SEED, REQUESTS = 20261127, 1_500
ROW = b'{"a": 1, "b": 2}'
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "get", "")
#: Fixed paths most of all: the others go Flask's own way in any case.
PATHS = (
    "/sum", "/total", "/deep/sum", "/health", "/health/live", "/health/ready", "/routes", "/", "/metrics", "/docs",
    "/openapi.json", "/ping", "/version", "/v2", "/v2/models", "/v2/health/ready", "/v2/repository/index",
    "/sum/schema", "/sum/invocations", "/v2/models/sum", "/v2/models/sum/infer", "/v2/models/none/infer", "/none", "",
    "/Sum", "/su", "/sum%20", "/deep//sum", "/\xe9", "/sum;x", "*",
)  # fmt: skip
QUERIES = (
    "", "", "", "a=1&b=2", "a=x&b=", "data=1,2", "a=%ff", "_on_error=skip", "_on_error=x", "_detail=true", "_detail=x", "&&", "sample", "?",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {}, {}, {},
    {"Content-Type": "application/json"},
    {"Content-Type": "application/json; charset=utf-8"},
    {"Content-Type": "text/csv"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "image/png"},
    {"Accept": "text/html"}, {"Accept": "text/csv"}, {"Accept": "image/png"}, {"Accept": "application/problem+json"},
    {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "br, gzip;q=0"}, {"Accept-Encoding": "identity"},
    {"Origin": "https://app.example"}, {"Origin": "https://other.example"}, {"Origin": ""},
    {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
    {"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"},
    {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Content-Encoding": "identity"}, {"Content-Encoding": ""},
    {"Transfer-Encoding": "chunked"},
    {"If-None-Match": "*"}, {"If-None-Match": 'W/"x"'}, {"Range": "bytes=0-1"},
    {"X-Request-Timeout-Ms": "x"}, {"X-Request-Timeout-Ms": "5000"}, {"Prefer": "on-error=skip"},
    {"Connection": "Upgrade", "Upgrade": "websocket"},
    {"Host": "other.test:8000"}, {"Cookie": "session=x"}, {"X-HTTP-Method-Override": "DELETE"},
    {"Content-Length": "0"}, {"Content-Length": "5"}, {"Content-Length": "99999999"}, {"Content-Length": "x"},
)  # fmt: skip
BODIES = (
    b"", b"", ROW, ROW, b"[" + ROW + b"," + ROW + b"]", b'{"a": "x"}', b"{", b"null", b"\xff\xfe", b"a,b\n1,2\n", b"a=1&b=2",
    gzip.compress(ROW), gzip.compress(ROW)[:-9], gzip.compress(b" " * 2_000_000), b" " * 1_100_000, ROW + b" " * 20_000,
    b'{"inputs": [[1, 2]]}', b'{"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}',
)  # fmt: skip


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker that serves in this process."""
    return Worker(tmp_path_factory.mktemp("worker"))


def requests() -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Yield method, target, body and headers, chosen from one seed."""
    dice = random.Random(SEED)
    for _ in range(REQUESTS):
        method = dice.choice(("GET", "POST", "HEAD", "OPTIONS", dice.choice(METHODS)))
        path = dice.choice((dice.choice(PATHS[:17]), dice.choice(PATHS)))
        path = dice.choice((path, path, path, f"{path}/", f"/{path}", path.replace("/", "//", 1)))
        headers = {**dice.choice(HEADERS), **dice.choice(HEADERS)}
        yield method, f"{path}?{dice.choice(QUERIES)}", dice.choice(BODIES), headers


def steady(answer: Answer, target: str) -> Answer:
    """Return an answer without what tells time or counts requests; with its Allow in order, which is a set."""
    headers = [
        (name, ", ".join(sorted(value.split(", "))) if name == "Allow" else value) for name, value in answer.headers
    ]
    body = re.sub(rb'(?<="request_id":")\w+', b"", answer.body)
    if target.startswith(("/health", "/metrics")):
        headers = [pair for pair in headers if pair[0] != "Content-Length"]
        body = re.sub(rb"[0-9.e+-]+", b"", gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
    return Answer(answer.status, headers, body)


def test_both_ways_answer_alike(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods, slashes, queries, origins, encodings, broken bodies: status, headers and bytes are equal."""
    short: list[Any] = []
    original = FastFlask._answer

    def noted(app: FastFlask, known: Any) -> Any:
        short.append(known)
        return original(app, known)

    monkeypatch.setattr(FastFlask, "_answer", noted)
    differing, statuses = [], set()
    for method, target, body, headers in requests():
        fast, plain = (
            steady(worker.ask(environ_of(method, target, body, headers), fast=way), target) for way in (True, False)
        )
        statuses.add(plain.status)
        if fast != plain:
            differing.append((method, target, body[:80], headers, fast, plain))
    assert differing == []
    assert len(short) > REQUESTS / 10, "the short way was hardly taken"
    assert statuses >= {200, 204, 304, 400, 404, 405, 406, 413, 415}


def test_plain_dispatch_needs_nothing_private() -> None:
    """With the short way off its module is not imported, so a release of Flask that breaks it breaks nothing."""
    program = "import sys; from gateway.rest.flask_app import make_app; make_app(fast=False); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "gateway.rest.flask_app" in modules
    assert "gateway.rest.fast_dispatch" not in modules


@pytest.mark.parametrize("host", ["a..b", "xn--a", ".", "x" * 70])
def test_a_host_that_is_no_name_costs_nothing(host: str, worker: Worker) -> None:
    """Clients choose the field: paths that are known, unknown or list the routes are answered as with another host."""
    wanted = {"/sum": 400, "/routes": 200, "/sum/schema": 200, "/no": 404}
    for fast in (True, False):
        found = {path: worker.ask(environ_of("GET", path, headers={"Host": host}), fast=fast).status for path in wanted}
        assert found == wanted
