"""Everything that predicts nothing: catalog, documents, health, metrics, methods, slashes, origins, encodings."""

import gzip
import random
import zlib
from collections.abc import Iterator
from typing import Final

from compare.requests.base import FORM, Request, get, http, post

_MODELS: Final = ("diabetes", "sentiment", "loan", "earnings", "insurance")
_PATHS: Final = (
    "/", "/routes", "/docs", "/openapi.json", "/health", "/health/live", "/health/ready", "/metrics", "/ping", "/version",
    "/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/diabetes", "/v2/models/diabetes/ready",
    "/v2/models/diabetes/infer", "/v2/models/none", "/v2/models/diabetes/versions/0", "/v2/models/diabetes/versions/0/ready",
    "/v2/repository/index", "/v2/repository/models/diabetes/load", "/v2/repository/models/none/unload",
    "/v2/repository/models/diabetes/delete", "/v2/nothing", "/sentiment", "/sentiment/", "/sentiment/schema",
    "/sentiment/schema/", "/sentiment/schema?sample", "/sentiment/invocations", "/katana-ml/api/v1.0/diabetes",
    "/katana-ml/api/v1.0/diabetes/schema", "/api/v1/invocations", "/none", "/none/schema", "/none/invocations", "/sentimen",
    "/Sentiment", "//sentiment", "/sentiment//", "/./sentiment", "/sentiment%2F", "/sentiment%2fschema", "/%73entiment",
    "/senti%ffment", "/sentiment%00", "/sentiment;x=1", "/static/x", "/console", "/favicon.ico", "/robots.txt", "/health/",
    "/health/none", "/metrics/", "/docs/", "/openapi.json/", "/routes/", "/schema", "/invocations", "/../etc/passwd",
)  # fmt: skip
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
_CORNERS: Final = (
    "/lazy", "/lazy-broken", "/broken", "/gone", "/raises", "/late", "/few", "/deep/path/of/names", "/short", "/an/alias",
    "/a.b~c-d", "/constant", "/held", "/critical",
)  # fmt: skip


def requests(dice: random.Random) -> Iterator[Request]:
    """Yield each path with each method, then what single ones are asked."""
    for path in _PATHS:
        for method in _METHODS:
            body = b"" if method in {"POST", "PUT", "PATCH"} else None
            yield http("five", f"{method} {path}", f"{method} {path}", body)
    for server in ("five", "corners", "loose"):
        yield from _documents(server)
        yield from _origins(server)
    for path in _CORNERS:
        yield from _corner(path)
    yield from _models()
    yield from _encodings()
    yield Request("corners", "busy", (post("corners", "", "/held", {"a": 2}).pieces[0],), first=_held())
    yield Request("corners", "busy v2", (_infer("held").pieces[0],), first=_held())
    yield Request(
        "corners", "busy csv", (post("corners", "", "/held", b"a\n1\n", "text/csv").pieces[0],), first=_held()
    )
    # Last: by now every counter has been touched.
    for server in ("five", "corners", "loose"):
        for accept in ("*/*", "application/openmetrics-text; version=1.0.0", "text/plain;version=0.0.4"):
            yield get(server, f"metrics {accept}", "/metrics", Accept=accept)
        yield get(server, "metrics by name", "/metrics?name[]=gateway_requests_total")
        yield get(server, "health at the end", "/health")


def _held() -> bytes:
    return post("corners", "", "/held", {"a": 1}).pieces[0]


def _infer(model: str) -> Request:
    tensor = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}
    return post("corners", "infer", f"/v2/models/{model}/infer", {"inputs": [tensor]})


def _documents(server: str) -> Iterator[Request]:
    for path in ("/", "/routes", "/docs", "/openapi.json", "/sum/schema", "/sentiment/schema", "/echo/schema?sample"):
        yield get(server, f"document {path}", path)
        for accept in ("text/html", "application/json", "image/png", "text/html;q=0.5, application/json"):
            yield get(server, f"document {path} {accept}", path, Accept=accept)
        yield get(server, f"document {path} gzip", path, Accept_Encoding="gzip, br")
        yield get(server, f"document {path} no gzip", path, Accept_Encoding="gzip;q=0, identity")
        yield get(server, f"document {path} any etag", path, If_None_Match="*")
        yield get(server, f"document {path} other etag", path, If_None_Match='"x", W/"y"')
        yield http(server, f"document {path} host", f"GET {path}", None, {"X-Forwarded-Host": "evil.example"})
    yield get(server, "unready", "/health/ready")
    yield get(server, "unready v2", "/v2/health/ready")
    yield get(server, "ping", "/ping")
    yield get(server, "version", "/version")
    yield get(server, "models", "/v2/models")
    yield post(server, "index", "/v2/repository/index", {})
    yield post(server, "ready index", "/v2/repository/index", {"ready": True})
    for body in (b"", b"[]", b'{"ready": 1}', b"{", b" " * 5000):
        yield post(server, f"index {body[:12]!r}", "/v2/repository/index", body)


def _origins(server: str) -> Iterator[Request]:
    for origin in ("https://app.example", "https://evil.example", "null", ""):
        for path in ("/sum", "/sentiment", "/sum/invocations", "/v2/models/sum/infer", "/health", "/none", "/routes"):
            for method in ("GET", "POST", "DELETE"):
                asked = {"Origin": origin, "Access-Control-Request-Method": method}
                asked["Access-Control-Request-Headers"] = "content-type, x-request-id" if method == "POST" else "a b, ;"
                yield http(server, f"preflight {origin} {method} {path}", f"OPTIONS {path}", None, asked)
            yield http(server, f"origin {origin} {path}", f"GET {path}", None, {"Origin": origin})


def _corner(path: str) -> Iterator[Request]:
    yield get("corners", f"{path} query", f"{path}?a=1")
    yield get("corners", f"{path} empty", path)
    yield post("corners", f"{path} object", path, {"a": 1})
    yield post("corners", f"{path} form", path, b"a=1", FORM)
    yield post("corners", f"{path} rows", path, [{"a": 1}, {"a": 2}])
    yield post("corners", f"{path} four rows", path, b"a\n1\n2\n3\n4\n", "text/csv")
    yield post("corners", f"{path} four rows ndjson", path, b'{"a": 1}\n' * 4, "application/x-ndjson")
    yield post("corners", f"{path} skip", path, b"a\n1\nx\n3\n", "text/csv", Prefer="on-error=skip", Accept="text/csv")
    yield post("corners", f"{path} mlflow", f"{path}/invocations", {"inputs": {"a": [1]}})
    yield post("corners", f"{path} mlflow csv", f"{path}/invocations", b"a\n1\n2\n3\n4\n", "text/csv")
    yield get("corners", f"{path} schema", f"{path}/schema")
    yield http("corners", f"{path} head", f"HEAD {path}?a=1")
    yield http("corners", f"{path} options", f"OPTIONS {path}")
    yield http("corners", f"{path} delete", f"DELETE {path}")
    name = {"/deep/path/of/names": "deep-name", "/a.b~c-d": "odd"}.get(path, path.strip("/").replace("/", "-"))
    yield _infer(name)
    yield get("corners", f"{path} model", f"/v2/models/{name}")
    yield get("corners", f"{path} model ready", f"/v2/models/{name}/ready")


def _models() -> Iterator[Request]:
    for server, names in (("five", _MODELS), ("corners", ("sum", "two", "tags", "label", "echo", "odd", "model"))):
        for name in names:
            for path in (f"/v2/models/{name}", f"/v2/models/{name}/ready", f"/v2/models/{name}/versions/1/infer"):
                yield get(server, f"model {path}", path)
            yield get(server, f"schema {name}", f"/{name}/schema")
            yield get(server, f"sample {name}", f"/{name}/schema?sample")
            yield post(server, f"load {name}", f"/v2/repository/models/{name}/load", {})
            yield post(server, f"unload {name}", f"/v2/repository/models/{name}/unload", {})


def _encodings() -> Iterator[Request]:
    row = b'{"query": "that movie was boring"}'
    packed = gzip.compress(row, mtime=0)
    for name, coding, body in (
        ("gzip", "gzip", packed),
        ("x-gzip", "x-gzip", packed),
        ("identity", "identity", row),
        ("deflate", "deflate", zlib.compress(row)),
        ("two", "gzip, gzip", packed),
        ("cut", "gzip", packed[:-6]),
        ("none", "gzip", row),
        ("trailing", "gzip", packed + b"rest"),
        ("members", "gzip", gzip.compress(row[:5], mtime=0) + gzip.compress(row[5:], mtime=0)),
        ("bomb", "gzip", gzip.compress(b" " * 40_000_000, mtime=0)),
    ):
        for path in ("/sentiment", "/sentiment/invocations", "/v2/models/sentiment/infer", "/v2/repository/index"):
            yield post("five", f"encoding {name} {path}", path, body, Content_Encoding=coding)
    for size in (19_000, 21_000, 299_000, 301_000):
        for server in ("corners", "loose"):
            text = b'{"text": "' + b"x" * size + b'"}'
            yield post(server, f"size {size}", "/text", text)
            yield post(server, f"size {size} form", "/text", b"text=" + b"x" * size, FORM)
            yield post(server, f"size {size} csv", "/text", b"text\n" + b"x" * size, "text/csv")
            yield post(server, f"size {size} mlflow", "/text/invocations", text)
            yield post(server, f"size {size} v2", "/v2/models/text/infer", text)
