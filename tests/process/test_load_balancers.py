"""What docs/load-balancer.md says of proxies, with the real programs in front of a real gateway."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import serving
from process.proxies import COMMANDS, in_front
from serving import Connection, Gateway, until

BODY = json.dumps({"query": "a wonderful superb film"}).encode()
JSON = {"Content-Type": "application/json"}


def connections_to(port: int, pid: int) -> set[int]:
    """Return the local ports of the connections that a proxy holds to a gateway."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children()]
    return {
        one.laddr.port
        for process in processes
        for one in process.net_connections("tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_documented_configuration_serves(name: str, five: Gateway, tmp_path: Path) -> None:
    """Through each proxy a route answers as without it, ids and traces pass, and connections are used again."""
    expected = five.request("POST", "/sentiment", BODY, JSON).json
    traced = JSON | {"X-Request-ID": f"via-{name}", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with in_front(name, five.port, tmp_path) as (port, pid):
        client = Connection(port)
        seen = set()
        for _ in range(5):
            answer = client.request("POST", "/sentiment", BODY, traced)
            assert (answer.status, answer.json, answer.headers["x-request-id"]) == (200, expected, f"via-{name}")
            assert answer.headers["traceresponse"].startswith(f"00-{'a' * 32}-")
            seen |= connections_to(five.port, pid)
        big = BODY + b" " * 1_500_000  # more than nginx takes by default
        assert client.request("POST", "/sentiment", big, JSON).json == expected
        client.close()
    assert 1 <= len(seen) <= 4, "a connection for each request"  # those of health checks among them


@pytest.mark.parametrize(("name", "status"), [("nginx", 200), ("haproxy", 400), ("caddy", 400)])
def test_fields_of_proxies_have_no_effect(name: str, status: int, five: Gateway, tmp_path: Path) -> None:
    """Forged fields change no document; one with an underscore is left out by nginx and refused by the gateway."""
    forged = {
        "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "for=203.0.113.9;proto=https;host=evil.example", "X-Real-IP": "203.0.113.9",
    }  # fmt: skip
    with in_front(name, five.port, tmp_path) as (port, _):
        client = Connection(port)
        answer = client.request("GET", "/routes", None, forged)
        assert f"http://127.0.0.1:{port}/sentiment" in answer.body.decode()
        assert "evil" not in answer.body.decode()
        assert client.request("GET", "/health/live", None, {"X_Under_Score": "1"}).status == status
        client.close()
    assert "203.0.113.9" not in five.log.read_text()


def test_a_prefix_that_is_cut_off(five: Gateway, tmp_path: Path) -> None:
    """Without any setting routes answer behind a prefix, and documents say paths as the gateway knows them."""

    def cut(text: str) -> str:
        return text.replace("location / {", "location /models/ {").replace("http://gateway;", "http://gateway/;")

    def reachable(text: str) -> str:
        return cut(text).replace(
            "location /models/ {", "location = /health/live { proxy_pass http://gateway; }\nlocation /models/ {"
        )

    with in_front("nginx", five.port, tmp_path, reachable) as (port, _):
        client = Connection(port)
        assert client.request("POST", "/models/sentiment", BODY, JSON).status == 200
        catalog = client.request("GET", "/models/routes").body.decode()
        assert f"http://127.0.0.1:{port}/sentiment" in catalog
        assert client.request("GET", "/models/openapi.json").json["servers"] == [{"url": "/"}]
        assert b'href="/docs"' in client.request("GET", "/models/", None, {"Accept": "text/html"}).body
        client.close()


#: Each documented configuration with a prefix, as it cuts the prefix off and as it passes it on.
CUT_OR_PASSED: dict[tuple[str, str], Callable[[str], str]] = {
    ("nginx-prefix", "cut off"): str,
    ("nginx-prefix", "passed on"): lambda text: re.sub(r"(proxy_pass http://[0-9.:]+)/;", r"\1;", text),
    ("caddy-prefix", "cut off"): str,
    ("caddy-prefix", "passed on"): lambda text: text.replace("handle_path", "handle"),
}


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve two routes below /ml, behind proxies of this machine."""
    folder = tmp_path_factory.mktemp("prefixed")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    text = "version: 1\nroutes:\n  /m: m.stub\n  /deep/m: m.stub\n"
    settings = {"root_path": "/ml", "trusted_proxies": "127.0.0.0/8", "workers": "1"}
    with serving.running(folder, cache, text, **settings) as server:
        yield server


@pytest.mark.parametrize(("name", "way"), CUT_OR_PASSED)
def test_behind_a_documented_prefix(name: str, way: str, prefixed: Gateway, tmp_path: Path) -> None:
    """Cut off by the proxy or passed on: routes answer, every link leads below the prefix, and the log knows the client."""
    forged = {
        "X-Forwarded-For": "198.51.100.7", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "//evil.example",
        "X-Forwarded-Proto": "gopher", "X-Request-ID": f"{name}-{way}".replace(" ", "-"), "Accept": "text/html",
    }  # fmt: skip
    with in_front(name, prefixed.port, tmp_path, CUT_OR_PASSED[name, way]) as (port, _):
        client = Connection(port)
        for path in ("/ml/m", "/ml/deep/m"):
            assert client.request("GET", f"{path}?a=1").status == 200
        catalog = client.request("GET", "/ml/routes").json["routes"]
        assert [one["curl"].split()[2] for one in catalog] == [
            f"http://127.0.0.1:{port}/ml{one}" for one in ("/m", "/deep/m")
        ]
        assert client.request("GET", "/ml/openapi.json").json["servers"] == [{"url": "/ml"}]
        answer = client.request("GET", "/ml/", None, forged)
        assert (answer.status, b'href="/ml/docs"' in answer.body, b"evil" in answer.body) == (200, True, False)
        assert client.request("GET", "/ml/docs").status == 200
        assert "evil" not in client.request("GET", "/ml/routes", None, forged).body.decode()
        client.close()
    lines = until(
        lambda: [line for line in prefixed.events("request") if line["request_id"] == forged["X-Request-ID"]],
        what="an access line",
    )
    # nginx appends its peer to the forged address, Caddy drops it: its peer is the client, and a trusted proxy itself.
    assert lines[0]["client"] == {"nginx-prefix": "198.51.100.7", "caddy-prefix": "127.0.0.1"}[name]


def test_commands_print_curls_below_the_prefix(prefixed: Gateway) -> None:
    """`gateway wait` asks the gateway as it prints it, and each printed line works in a shell."""
    done = prefixed.command("wait")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("curl ")]
    assert [line.split()[2] for line in lines] == [
        f"http://localhost:{prefixed.port}/ml{one}" for one in ("/m", "/deep/m")
    ]
    assert f"curl http://localhost:{prefixed.port}/ml/metrics" in done.stdout
    assert f"open it:   http://localhost:{prefixed.port}/ml/\n" in done.stdout
