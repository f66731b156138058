"""What HTTP itself offers: cross-origin calls, HEAD and OPTIONS, gzip both ways, ETags; nothing of it by accident."""

import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import serving
from serving import Gateway

ORIGIN = "https://app.example.org"
QUERY = {"query": "that movie was boring"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, x-request-id"}
DOCUMENTS = ["/routes", "/openapi.json", "/docs", "/sentiment/schema"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve one route with an origin, without docs, and with a small limit for bodies."""
    text = serving.absolute((serving.ROOT / "registry.yaml").read_text()).split("  /diabetes:")[0]
    registry = f"{text}\nserver: {{cors: [{ORIGIN}], docs: false, max_body_size: 50000}}\n"
    with serving.running(tmp_path_factory.mktemp("cors"), cache, registry, workers=1) as server:
        yield server


def test_listed_origins_may_call(listed: Gateway) -> None:
    """A listed origin gets its name back on answers and faults, and may read our headers."""
    for body in (QUERY, {"query": 5}):
        answer = listed.post("/sentiment", body, {"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/sentiment", "/sentiment/invocations", "/v2/models/sentiment/infer"])
def test_preflights(listed: Gateway, path: str) -> None:
    """A preflight of a listed origin is 204 with methods and headers, on every face."""
    answer = listed.request("OPTIONS", path, None, {"Origin": ORIGIN, **PREFLIGHT})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]


def test_other_origins_may_not(listed: Gateway, five: Gateway) -> None:
    """Another origin, or any origin where none is listed, gets no such header at all."""
    for server, origin in ((listed, "https://evil.example.org"), (listed, "null"), (five, ORIGIN)):
        for answer in (
            server.request("OPTIONS", "/sentiment", None, {"Origin": origin, **PREFLIGHT}),
            server.post("/sentiment", QUERY, {"Origin": origin}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_head_and_options_on_every_path(five: Gateway) -> None:
    """OPTIONS lists the methods of a path; HEAD is GET without the body, where there is a GET."""
    for path, item in five.get("/openapi.json").json["paths"].items():
        real = path.replace("{model}", "loan").replace("{action}", "load")
        real = real.replace("{version}", five.get("/v2/models/loan").json["versions"][0])
        allowed = set(five.request("OPTIONS", real).headers["allow"].split(", "))
        assert {method.upper() for method in item if method in ("get", "post")} | {"OPTIONS"} <= allowed, path
        if "get" in item and "sentiment" in path:
            head, get = five.request("HEAD", f"{real}?query=x"), five.get(real, query="x")
            assert (head.status, head.body) == (get.status, b"")
            assert head.headers["content-type"] == get.headers["content-type"]


def test_gzip_in(five: Gateway) -> None:
    """A gzip body is read, also one of several members; what is not gzip, or another coding, is refused."""
    body = json.dumps(QUERY).encode()
    kind = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    plain = five.post("/sentiment", QUERY).json
    for content in (gzip.compress(body), gzip.compress(body[:9]) + gzip.compress(body[9:])):
        assert five.request("POST", "/sentiment", content, kind).json == plain
    for content, status in ((b"no gzip", 400), (gzip.compress(body)[:-9], 400), (zlib.compress(body), 400)):
        assert five.request("POST", "/sentiment", content, kind).status == status
    assert five.request("POST", "/sentiment", body, {**kind, "Content-Encoding": "br"}).status == 415


def test_inflated_and_chunked_bodies_are_bounded(listed: Gateway) -> None:
    """A body that inflates, or streams, beyond max_body_size is 413 and not cut off; one within it passes."""
    bomb = gzip.compress(b" " * 5_000_000 + b"{}")
    answer = listed.request(
        "POST", "/sentiment", bomb, {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    )
    assert (answer.status, "larger than 50000" in answer.json["detail"]) == (413, True)
    for size, status in ((60_000, 413), (40_000, 200)):
        connection = http.client.HTTPConnection("127.0.0.1", listed.port, timeout=30)
        pieces = iter([b" " * size, json.dumps(QUERY).encode()])
        connection.request("POST", "/sentiment", pieces, {"Content-Type": "application/json"}, encode_chunked=True)
        assert connection.getresponse().status == status
        connection.close()


def test_gzip_out_where_it_pays(five: Gateway) -> None:
    """Answers above 1 KiB shrink for whoever accepts gzip; small ones, and everybody else's, stay as they are."""
    accept = {"Accept-Encoding": "gzip, deflate"}
    large = {"instances": [QUERY] * 200}
    plain, small = five.post("/sentiment", large), five.post("/sentiment", large, accept)
    assert (small.headers["content-encoding"], "Accept-Encoding" in small.headers["vary"]) == ("gzip", True)
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body) / 5
    for headers in ({}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip;q=0"}):
        assert "content-encoding" not in five.post("/sentiment", large, headers).headers
    assert "content-encoding" not in five.post("/sentiment", QUERY, accept).headers


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("accept", [{}, {"Accept-Encoding": "gzip"}])
def test_documents_have_etags(five: Gateway, path: str, accept: dict[str, str]) -> None:
    """Whoever names the ETag of a document gets 304 without a body; another ETag gets the document."""
    tag = five.get(path, accept).headers["etag"]
    again = five.get(path, {"If-None-Match": tag, **accept})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert five.get(path, {"If-None-Match": 'W/"other"', **accept}).status == 200


def test_docs_can_be_switched_off(listed: Gateway) -> None:
    """`server.docs: false` takes the page away and nothing else."""
    answer = listed.get("/docs")
    assert (answer.status, answer.json["type"]) == (404, "urn:gateway:error:docs-off")
    assert listed.get("/openapi.json").status == 200


def test_a_route_called_ping_goes_first(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """/ping and /version were never reserved: a route of that name is served, not MLflow's path."""
    (tmp_path / "sum.stub").write_text(json.dumps({"inputs": ["a"]}))
    server = gateway(f"version: 1\nroutes:\n  /ping: {tmp_path}/sum.stub\n", workers=1)
    body: Any = server.get("/ping", a=1).json
    assert "prediction" in body
    assert server.get("/version").status == 200
