"""Behind a prefix: paths with and without it, links below it, and fields of proxies only from trusted ones."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.rest.middleware.forwarded import Forwarded
from gateway.settings.settings import Settings
from rest.one_worker import Answer, Worker, environ_of
from rest.test_fast_dispatch import requests, steady

SEED = 20261128
REGISTRY = """\
version: 1
server: {cors: ["https://app.example"], max_body_size: 1MiB}
routes:
  /sum: {artifact: sum.stub.json, aliases: [/total]}
  /deep/sum: {artifact: sum.stub.json, name: deep}
  /ml: {artifact: sum.stub.json, name: ml}
  /ml/only: {artifact: sum.stub.json, name: only}
"""
PROXY, CLIENT = "10.1.2.3", "203.0.113.9"
HOSTILE = (
    "//evil.example", "javascript:alert(1)", "https://evil.example", "/a//b", "/..", "/a/../b", "/%2e%2e/x", "/a%0d%0aX:1",
    "/a\r\nSet-Cookie: a=b", "/<script>", '/"onload="', "/a b", "/a\\b", "/%5cevil", "/%2fevil", "/m\xf6d", "/%ff",
    "/a?b", "/a#b", "/a;b", "/" + "a" * 201, "ml", "\\ml", "/%3Cscript%3E", "/a%00",
)  # fmt: skip


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker below /ml that trusts 10.0.0.0/8 and Unix sockets."""
    forwarded = Forwarded("/ml", ("10.0.0.0/8", "2001:db8::/32", "unix"))
    return Worker(tmp_path_factory.mktemp("worker"), REGISTRY, forwarded)


def ask(worker: Worker, path: str, *, peer: str = PROXY, **fields: str) -> Answer:
    """Ask for a path with fields of a proxy: `prefix` is X-Forwarded-Prefix."""
    headers = {f"X-Forwarded-{name.title()}": value for name, value in fields.items() if name != "accept"}
    if "accept" in fields:
        headers["Accept"] = fields["accept"]
    return worker.ask(environ_of("GET", path, b"", headers, REMOTE_ADDR=peer))


def links(worker: Worker, **fields: str) -> tuple[str, str, str]:
    """Return what the documents say of a client: a curl line, the server of OpenAPI, where the page at / finds /docs."""
    curl = ask(worker, "/routes", **fields).json["routes"][0]["curl"].split()[2].removesuffix("/sum")
    servers = ask(worker, "/openapi.json", **fields).json["servers"]
    page = ask(worker, "/", accept="text/html", **fields).body.decode()
    (docs,) = set(re.findall(r'href="([^"]*/docs)"', page))
    return curl, servers[0]["url"], docs


def test_both_ways_answer_alike_below_a_prefix(worker: Worker) -> None:
    """The differential test of the short way, with prefixes that are cut off, or not, and fields of proxies."""
    dice = random.Random(SEED)
    differing, statuses = [], set()
    for method, target, body, headers in requests():
        prefix = dice.choice(("/ml", "/ml", "/a/ml", "/ml/", "", "/ml/ml"))
        fields = dice.choice(({}, {"X-Forwarded-Prefix": prefix}, {"X-Forwarded-Prefix": "//evil"}))
        peer = dice.choice((PROXY, CLIENT, ""))
        path = dice.choice((prefix + target, target))
        fast, plain = (
            steady(worker.ask(environ_of(method, path, body, headers | fields, REMOTE_ADDR=peer), fast=way), target)
            for way in (True, False)
        )
        statuses.add(plain.status)
        if "/metrics" not in path and "/health" not in path and fast != plain:
            differing.append((method, path, fields, fast, plain))
    assert differing == []
    assert statuses >= {200, 204, 400, 404, 405}


def test_a_route_answers_with_and_without_the_prefix(worker: Worker) -> None:
    """Cut off by the proxy or not, from any peer; what a route is called is never taken for the prefix."""
    for peer in (PROXY, CLIENT, "", "::1"):
        for path in (
            "/sum",
            "/ml/sum",
            "/ml/total",
            "/ml/deep/sum",
            "/ml",
            "/ml/",
            "/ml/ml",
            "/ml/only",
            "/ml/ml/only",
        ):
            answer = ask(worker, f"{path}?a=1&b=2", peer=peer)
            assert (answer.status, answer.json) == (200, {"prediction": 3.0}), path
        for path in ("/ml/v2/models/sum", "/ml/sum/schema", "/ml/ml/schema", "/ml/schema", "/ml/routes", "/ml/ping"):
            assert ask(worker, path, peer=peer).status == 200, path
    for path in ("/mlsum", "/ml//sum", "//ml/sum", "/ml/ml/ml/sum", "/a/ml/sum"):
        assert ask(worker, path).status == 404, path
    assert ask(worker, "/api/sum?a=1&b=2", prefix="/api").status == 200
    assert ask(worker, "/api/sum?a=1&b=2", peer=CLIENT, prefix="/api").status == 404


def test_links_lead_below_the_prefix(worker: Worker) -> None:
    """Scheme, host and prefix are those that the client sees; errors name paths as it has to write them."""
    seen = {"proto": "https", "host": "ml.example.org:8443", "prefix": "/models/"}
    assert links(worker) == ("http://gateway.test/ml", "/ml", "/ml/docs")
    assert links(worker, **seen) == ("https://ml.example.org:8443/models", "/models", "/models/docs")
    assert links(worker, prefix="/m%C3%B6d/a%40b") == (
        "http://gateway.test/m%C3%B6d/a@b",
        "/m%C3%B6d/a@b",
        "/m%C3%B6d/a@b/docs",
    )
    assert links(worker, prefix="/") == ("http://gateway.test", "/", "/docs")
    assert links(worker, peer=CLIENT, **seen) == links(worker)
    told = ask(worker, "/ml/sun", prefix="/models").json
    assert (told["detail"], told["hint"]) == ("there is no route /models/sun", "did you mean '/models/sum'?")
    assert ask(worker, "/nothing").json["hint"] == "GET /ml/routes lists every path"
    assert "GET /ml/v2/models" in ask(worker, "/ml/v2/models/qqqqqqqq").json["error"]


def test_of_several_values_the_last_counts(worker: Worker) -> None:
    """A proxy that appends writes the last value; those before it are the client's."""
    forged = {"prefix": "/evil, /ml2", "proto": "http, https", "host": "evil.example, good.example"}
    assert links(worker, **forged) == ("https://good.example/ml2", "/ml2", "/ml2/docs")
    assert links(worker, prefix="/ml2, //evil", host="a.example, <b>", proto="https, ftp") == links(worker)


@pytest.mark.parametrize("prefix", HOSTILE)
def test_what_is_no_prefix_is_ignored(worker: Worker, prefix: str) -> None:
    """No header, link or document repeats it, even if a trusted proxy passes it on; as a setting it is refused."""
    assert links(worker, prefix=prefix) == links(worker)
    assert ask(worker, "/docs", prefix=prefix) == ask(worker, "/docs")
    with pytest.raises(Exception, match="GATEWAY_ROOT_PATH"):
        Settings.load({"GATEWAY_ROOT_PATH": prefix})


@pytest.mark.parametrize(
    "host", ["evil.example/x", "a b", "<i>", "a:b", "[::1", "a\r\nb", "", "é", "a" * 300, "a@b", "a:123456"]
)
def test_what_is_no_host_is_ignored(worker: Worker, host: str) -> None:
    """The Host field stands then."""
    assert links(worker, host=host) == links(worker)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (CLIENT, "1.2.3.4", CLIENT),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}", CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}, 10.9.9.9", CLIENT),
        (PROXY, "10.9.9.9, 10.8.8.8", "10.9.9.9"),
        (PROXY, f"{CLIENT}:4711", CLIENT),
        (PROXY, "[2001:db9::1]:443", "2001:db9::1"),
        (PROXY, "2001:DB9:0::1", "2001:db9::1"),
        (PROXY, f"{CLIENT}, unknown", PROXY),
        (PROXY, f"{CLIENT}, _hidden, 10.9.9.9", "10.9.9.9"),
        (PROXY, "", PROXY),
        (PROXY, ", ,", PROXY),
        (PROXY, f'{CLIENT}, "msg":"forged', PROXY),
        (PROXY, ", ".join(["10.0.0.1"] * 1000), "10.0.0.1"),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),
        (f"::ffff:{CLIENT}", "1.2.3.4", f"::ffff:{CLIENT}"),
        ("2001:db8::7", f"::ffff:{CLIENT}", CLIENT),
        ("fe80::1%eth0", "1.2.3.4", "fe80::1%eth0"),
        ("", CLIENT, CLIENT),
        ("", f"1.2.3.4, {CLIENT}", CLIENT),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(peer: str, forwarded: str, client: str) -> None:
    """From right to left: an address counts if all behind it are trusted; a text that is none ends the search."""
    environ: dict[str, Any] = environ_of("GET", "/", b"", {"X-Forwarded-For": forwarded}, REMOTE_ADDR=peer)
    Forwarded("", ("10.0.0.0/8", "2001:db8::/32", "unix")).rewrite(environ, ())
    assert environ["REMOTE_ADDR"] == client


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("my_gateway:8000", "my_gateway:8000"),
        ("[2001:db8::1]:81", "[2001:db8::1]:81"),
        ("gateway.test:80", "gateway.test"),
        ("a$(id)", "gateway.test:80"),
        ("", "gateway.test:80"),
    ],
)
def test_a_printed_command_leads_to_a_host(worker: Worker, host: str, shown: str) -> None:
    """Names of containers have underscores; what is no host gives way to the listener's own name."""
    environ = environ_of("GET", "/routes", HTTP_HOST=host)
    assert f" http://{shown}/ml/sum " in worker.ask(environ).json["routes"][0]["curl"].replace("'", "")


def test_nothing_is_rewritten_without_settings() -> None:
    """A gateway without prefix and proxies does not look at the fields at all."""
    assert Forwarded.of(Settings.load({})) is None


def test_a_unix_socket_is_trusted_only_if_it_is_said() -> None:
    """Whoever may open the socket could forge its fields."""
    environ: dict[str, Any] = environ_of("GET", "/", b"", {"X-Forwarded-For": CLIENT}, REMOTE_ADDR="")
    Forwarded("", ("0.0.0.0/0", "::/0")).rewrite(environ, ())
    assert environ["REMOTE_ADDR"] == ""


@pytest.mark.parametrize("text", ["nginx", "10.0.0.5/8", "10.0.0.0/33", "*", "unix:/a", "10.0.0.1,", "1.2.3.4:80"])
def test_a_proxy_that_is_no_address_is_refused(text: str) -> None:
    """A name, a port or a network with bits beyond its mask would be trusted otherwise than meant."""
    with pytest.raises(Exception, match="expected addresses or networks"):
        Settings.load({"GATEWAY_TRUSTED_PROXIES": text})


def test_the_prefix_of_v2_must_be_cut_off(tmp_path: Path) -> None:
    """Below /v2 the paths of the gateway and those of the proxy look alike: the field makes links, it cuts nothing."""
    worker = Worker(tmp_path, forwarded=Forwarded("", ("10.0.0.0/8",)))
    assert ask(worker, "/v2/models/sum", prefix="/v2").json["name"] == "sum"
    assert links(worker, prefix="/v2")[1] == "/v2"
    assert ask(worker, "/v2/sum", prefix="/v2").status == 404
