"""Whatever goes wrong is told in one JSON form that says what, where and what to do, and never how the code failed."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from serving import Answer, Gateway

LOAN: dict[str, Any] = {"age_group": "Young", "car_type": "SUV", "loanamount": 12342, "deposit": 2360, "area": "rural"}
JSON = {"Content-Type": "application/json"}
STUBS = {
    "sum.stub": {"inputs": ["a", "b"]},
    "raises.stub": {"inputs": ["a"], "raise": "the secret of the model"},
    "slow.stub": {"inputs": ["a"], "sleep_s": 1.0},
}
REGISTRY = """
version: 1
server: {max_body_size: 20000}
routes:
  /sum: {artifact: sum.stub, max_rows: 3}
  /raises: {artifact: raises.stub}
  /slow: {artifact: slow.stub, timeout_s: 0.2}
  /held: {artifact: "held.py:predict", max_concurrency: 1, max_queue: 0, timeout_s: 300}
"""
#: Holds a call with a=9 until the file `open` is there.
HELD = """
import pathlib, time

def predict(a: float):
    while a == 9 and not pathlib.Path({path!r}).exists():
        time.sleep(0.01)
    return a
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve models that misbehave on request."""
    folder = tmp_path_factory.mktemp("stubs")
    for name, script in STUBS.items():
        (folder / name).write_text(json.dumps(script))
    (folder / "held.py").write_text(HELD.format(path=str(folder / "open")))
    with serving.running(folder, cache, REGISTRY, workers=1) as server:
        yield server


@pytest.fixture
def gate(stubs: Gateway) -> Iterator[Path]:
    """Return the file that lets held calls end; afterwards none is left."""
    path = stubs.registry.parent / "open"
    yield path
    path.touch()
    # A call that its client has given up holds the only slot until it ends.
    serving.until(lambda: stubs.get("/held", a=1).status == 200, what="the end of every held call")
    path.unlink()


def problem(answer: Answer, status: int) -> Any:
    """Check what all errors have in common and return the body."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    assert {"type", "title", "status", "detail", "message", "request_id"} <= set(body)
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"] != ""
    assert answer.headers["x-gateway-generation"]
    assert "Traceback" not in answer.body.decode()
    return body


def test_unknown_path(five: Gateway) -> None:
    """A path that is nearly a route is a 404 that names the route."""
    body = problem(five.get("/lona"), 404)
    assert "/loan" in body["hint"]
    assert isinstance(body["message"], str)


def test_unknown_path_below_a_route(five: Gateway) -> None:
    """Neither HTML nor a redirect answers what lies below a route, nor any odd path."""
    for path in ("/loan/x", "/%00", "/..%2f..%2fetc/passwd", "/a" * 2000, "/LOAN"):
        problem(five.get(path), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "FOO"])
@pytest.mark.parametrize("path", ["/loan", "/health", "/metrics", "/routes"])
def test_wrong_method(five: Gateway, method: str, path: str) -> None:
    """A method that a path does not take is a 405 that lists those it takes."""
    answer = five.request(method, path)
    body = problem(answer, 405)
    assert body["message"] == "The method is not allowed for the requested URL."
    assert "GET" in answer.headers["allow"]
    assert ("POST" in answer.headers["allow"]) == (path == "/loan")


@pytest.mark.parametrize("kind", ["text/xml", "application/octet-stream", "image/png", "text/plain", "nonsense"])
def test_wrong_media_type(five: Gateway, kind: str) -> None:
    """A body that nobody reads is a 415 that names what is read."""
    body = problem(five.request("POST", "/loan", b"<x/>", {"Content-Type": kind}), 415)
    assert "application/json" in body["hint"]


@pytest.mark.parametrize(
    "text",
    [b"{", b"nonsense", b"\xff\xfe", b'{"age_group": NaN}', b"3", b'"x"', b"null", b"[]", b"[1, {}]", b'{"a":1,"a":2}',
     b"[" * 5000, b"\x00" * 100],
)  # fmt: skip
def test_malformed_json(five: Gateway, text: bytes) -> None:
    """A body that is not JSON, or JSON of no known dialect, is a 400 that says where."""
    body = problem(five.request("POST", "/loan", text, JSON), 400)
    assert body["errors"][0]["at"].startswith("$")
    assert body["errors"][0]["message"]


def test_every_fault_at_once(five: Gateway) -> None:
    """All wrong values of a request are told together, each with place, rule and what was expected."""
    body = problem(five.post("/loan", {**LOAN, "age_group": "old", "deposit": -1, "colour": "red", "area": None}), 400)
    found = {(fault.get("field"), fault["code"]) for fault in body["errors"]}
    assert {("age_group", "enum"), ("deposit", "minimum"), ("area", "null")} <= found
    assert any(fault["at"] == "$.colour" for fault in body["errors"])
    assert set(body["message"]) >= {"age_group", "deposit", "area"}


def test_faults_of_a_batch_name_their_row(five: Gateway) -> None:
    """In a batch every fault says in which row it stands."""
    body = problem(five.post("/loan", [LOAN, {**LOAN, "car_type": "Tank"}, {**LOAN, "deposit": "x"}]), 400)
    assert [fault["row"] for fault in body["errors"]] == [1, 2]


def test_unknown_field_is_a_fault_in_json_only(five: Gateway) -> None:
    """A misspelt JSON field is told with its near name; the same in a query is ignored, as old clients need it."""
    body = problem(five.post("/loan", {**LOAN, "aera": "rural"}), 400)
    assert "area" in body["errors"][0]["hint"]
    assert five.get("/loan", **LOAN, aera="rural").status == 200


def test_repeated_parameter(five: Gateway) -> None:
    """A query key that is given twice is a fault, not a silent choice."""
    body = problem(five.request("GET", "/sentiment?query=a&query=b"), 400)
    assert body["errors"][0]["code"] == "repeated"


def test_what_is_no_table_is_told_as_what_it_is(five: Gateway) -> None:
    """A file of another kind, rows without a header and names in other letters each get their own way out."""
    kinds = {b"%PDF-1.4": "a PDF", b"\x89PNG\r\n": "a picture", gzip.compress(b"a"): "compressed with gzip"}
    for head, word in kinds.items():
        part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + head + b"\r\n--x--\r\n"
        body = problem(five.request("POST", "/loan", part, {"Content-Type": "multipart/form-data; boundary=x"}), 415)
        assert word in body["detail"]
        assert body["hint"]
    alone = problem(five.request("POST", "/loan", b"Young,SUV,1,2,rural\n", {"Content-Type": "text/csv"}), 400)
    assert "put a row of names above the values" in alone["errors"][0]["hint"]
    rows = ",".join(LOAN).upper() + "\n" + ",".join(map(str, LOAN.values()))
    named = problem(five.request("POST", "/loan", rows.encode(), {"Content-Type": "text/csv"}), 400)
    assert [fault["hint"] for fault in named["errors"]] == [
        f"the table has '{name.upper()}': names must be equal, case and all" for name in LOAN
    ]


def test_redirects_nowhere(five: Gateway) -> None:
    """A trailing slash is answered at once, a doubled one is a 404: a redirected POST would lose its body."""
    for path in ("/loan//", "/health//live", "/a//b"):
        problem(five.get(path), 404)
        assert five.post(path, LOAN).status in (404, 405)
    for path in ("/v2//models", "/v2/models//infer", "/v2/models/loan//infer"):
        assert "error" in five.get(path).json
        assert five.post(path, LOAN).status in (404, 405)
    assert five.post("/loan/", LOAN).body == five.post("/loan", LOAN).body


def test_request_id_is_echoed(five: Gateway) -> None:
    """An id that a client sends comes back in header, body and log; it joins both sides of a call."""
    answer = five.get("/lona", {"X-Request-ID": "abc-123.d:e"})
    assert problem(answer, 404)["request_id"] == "abc-123.d:e"


@pytest.mark.parametrize("given", ["x" * 200, "a b", "<script>", "é".encode().decode("latin-1"), '"'])
def test_request_id_that_could_do_harm(five: Gateway, given: str) -> None:
    """An id that could forge a log line or markup is replaced by one of our own."""
    made = five.get("/health/live", {"X-Request-ID": given}).headers["x-request-id"]
    assert made != given
    assert len(made) == 32


def test_problem_json_only_when_accepted(five: Gateway) -> None:
    """Old clients read application/json; application/problem+json comes to those who ask for it."""
    plain = five.get("/lona", {"Accept": "*/*"})
    asked = five.get("/lona", {"Accept": "application/problem+json"})
    assert plain.headers["content-type"] == "application/json"
    assert asked.headers["content-type"] == "application/problem+json"
    assert set(plain.json) == set(asked.json)


@pytest.mark.parametrize("text", ["0", "-1", "abc", "nan", "inf", ""])
def test_bad_timeout_header(five: Gateway, text: str) -> None:
    """A timeout that is no time is a 400 that names the header."""
    body = problem(five.get("/loan", {"X-Request-Timeout-Ms": text}, **LOAN), 400)
    assert body["errors"][0]["at"] == "header.X-Request-Timeout-Ms"


def test_timeout_of_the_client(stubs: Gateway, gate: Path) -> None:
    """A client that waits 500 ms gets its 504 while the model, which may take 300 s, is still at work."""
    answer = stubs.get("/held", {"X-Request-Timeout-Ms": "500"}, a=9)
    problem(answer, 504)
    assert not gate.exists()
    assert float(answer.headers["server-timing"].rpartition("dur=")[2]) > 0


def test_timeout_of_the_route(stubs: Gateway) -> None:
    """`timeout_s` bounds a call whatever the client says; the header can only shorten it."""
    problem(stubs.get("/slow", {"X-Request-Timeout-Ms": "60000"}, a=1), 504)
    problem(stubs.get("/slow", a=1), 504)


def test_body_too_large(stubs: Gateway) -> None:
    """A body above the registry's limit is a 413 that says the limit, with and without a length."""
    body = problem(stubs.request("POST", "/sum", b" " * 20_001, JSON), 413)
    assert "20000" in body["detail"]
    chunked = b"4e21\r\n" + b" " * 20_001 + b"\r\n0\r\n\r\n"
    problem(stubs.request("POST", "/sum", chunked, {**JSON, "Transfer-Encoding": "chunked"}), 413)


def test_too_many_rows(stubs: Gateway) -> None:
    """A batch above `max_rows` is a 413 that says how many are taken."""
    body = problem(stubs.post("/sum", [{"a": 1, "b": 2}] * 4), 413)
    assert "4 rows" in body["detail"]
    assert "takes 3" in body["detail"]


def test_model_that_raises(stubs: Gateway) -> None:
    """What a model raises stands in the log under the request's id, and nowhere in the answer."""
    answer = stubs.get("/raises", {"X-Request-ID": "look-me-up"}, a=1)
    problem(answer, 500)
    assert b"secret" not in answer.body
    logged = [line for line in stubs.events("predict failed") if line.get("request_id") == "look-me-up"]
    assert "the secret of the model" in json.dumps(logged)


def test_full_queue(stubs: Gateway, gate: Path) -> None:
    """A call beyond the limits of a route is refused at once with 503 and when to come back; other routes go on."""
    first = stubs.connect()
    first._http.request("GET", "/held?a=9")
    serving.until(lambda: stubs.health()["routes"]["/held"]["in_flight"] == 1, what="the first call")
    refused = stubs.get("/held", a=1)
    body = problem(refused, 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert body["type"].endswith("overloaded")
    assert stubs.get("/sum", a=1, b=2).json == {"prediction": 3.0}
    gate.touch()
    assert first._http.getresponse().read() == b'{"prediction":9.0}'
    first.close()


def test_compressed_body(five: Gateway) -> None:
    """A body that says that it is gzip is read as what it holds; one that only says so is a 400, never a guess."""
    squeezed = gzip.compress(json.dumps(LOAN).encode())
    headers = {**JSON, "Content-Encoding": "gzip"}
    assert five.request("POST", "/loan", squeezed, headers).body == five.post("/loan", LOAN).body
    problem(five.request("POST", "/loan", json.dumps(LOAN).encode(), headers), 400)
    assert five.request("POST", "/loan", squeezed[:-12], headers).status == 400


def test_compressed_body_counts_as_what_it_holds(stubs: Gateway) -> None:
    """A few hundred bytes that unpack to more than the limit are a 413 like any other large body."""
    bomb = gzip.compress(b" " * 2_000_000)
    assert len(bomb) < 20_000
    problem(stubs.request("POST", "/sum", bomb, {**JSON, "Content-Encoding": "gzip"}), 413)


def test_head(five: Gateway) -> None:
    """HEAD answers what GET would, without a body."""
    answer = five.request("HEAD", "/health/live")
    assert (answer.status, answer.body) == (200, b"")


def test_no_browser_elsewhere_may_call(five: Gateway) -> None:
    """Without `cors` in the registry no origin is allowed."""
    answer = five.get("/loan", {"Origin": "http://evil.example"}, **LOAN)
    assert not [name for name in answer.headers if name.startswith("access-control")]
