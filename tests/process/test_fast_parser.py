"""The two parsers of request heads: what httptools accepts, gunicorn's accepts with the same environ."""

import collections
import functools
import itertools
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.http import errors

from gateway.process.http.fast_parser import FastParser
from gateway.process.http.strict_parser import HttpParser, create_environ
from gateway.process.pm2.bridge import PM2Bridge
from gateway.process.server import Server
from gateway.rest.malformed_requests import refusal
from gateway.settings.settings import Settings
from process.raw_heads import FIELDS, at_the_limits, heads, single_faults
from serving import ROOT

#: Made per request, and of no meaning to an application.
UNCOMPARED = {"wsgi.input", "wsgi.errors", "gunicorn.socket"}
PEERS = [("10.0.0.7", 41234), ("::1", 41234, 0, 0), "", b""]
SERVERS: list[Any] = [("127.0.0.1", 8000), "/run/gateway.sock"]
#: Every reason for which gunicorn refuses a head under our configuration, with the status of the answer.
REFUSALS = {
    ("InvalidRequestLine", 400), ("InvalidRequestMethod", 400), ("InvalidHeader", 400), ("InvalidHeaderName", 400),
    ("ObsoleteFolding", 400), ("LimitRequestLine", 414), ("ExpectationFailed", 417), ("LimitRequestHeaders", 431),
    ("UnsupportedTransferCoding", 501), ("InvalidHTTPVersion", 505),
}  # fmt: skip


class Deaf:
    """Take what is sent to a client."""

    def send(self, data: bytes) -> int:
        """Take it."""
        return len(data)


@pytest.fixture(scope="module")
def cfg() -> Iterator[Any]:
    """Configure gunicorn as the gateway does."""
    server = Server(Settings.load({"GATEWAY_BIND": "127.0.0.1:0"}), PM2Bridge(), is_pending=False)
    yield server.cfg
    for listener in server._listeners:
        os.close(int(listener.removeprefix("fd://")))


def by_gunicorn(head: bytes, cfg: Any, addr: Any, server: Any) -> tuple[Any, dict[str, Any]]:
    """Parse a head with gunicorn's parser; raises what it raises."""
    request = next(HttpParser(cfg, iter([head]), addr))
    return request, create_environ(request, Deaf(), addr, server, cfg)[1]


@functools.cache
def made_once(cfg: Any, server: Any) -> FastParser:
    """Return the parser of one listener."""
    return FastParser(cfg, server)


def judge(head: bytes, cfg: Any, addr: Any, server: Any) -> tuple[str, str, int]:
    """Compare the parsers on one head; return how each took it: "accepted", or why gunicorn refuses, and a status."""
    fast = made_once(cfg, server)
    parsed = fast.parse(head, fast.environ_of(None, addr))
    taken = "declined" if parsed is None else "accepted"
    try:
        expected, environ = by_gunicorn(head, cfg, addr, server)
    except (errors.ParseException, errors.NoMoreData, StopIteration) as error:
        assert parsed is None, f"gunicorn refuses with {error!r}: {head!r}"
        known = refusal(error)
        return taken, type(error).__name__, known.status if known else 0
    if parsed is not None:
        request, found = parsed
        differing = {key for key in found.keys() | environ.keys() if found.get(key, Deaf) != environ.get(key, Deaf)}
        assert differing <= UNCOMPARED, f"{differing - UNCOMPARED} differ: {head!r}"
        assert (request.method, request.version) == (expected.method, expected.version)
        assert request.should_close() == expected.should_close(), head
        assert request.length == getattr(expected.body.reader, "length", None), head
    return taken, "accepted", 200


def test_both_parsers_agree(cfg: Any) -> None:
    """On thousands of heads, well-formed and hostile, no accepted one is refused or read otherwise by gunicorn."""
    counted: collections.Counter[tuple[str, str, int]] = collections.Counter()
    every = itertools.chain(single_faults(), at_the_limits(), heads(seed=8, count=6000))
    for number, head in enumerate(every):
        counted[judge(head, cfg, PEERS[number % 4], SERVERS[number // 4 % 2])] += 1
    accepted, declined = counted["accepted", "accepted", 200], counted["declined", "accepted", 200]
    assert accepted > 2000
    assert sum(counted.values()) - accepted - declined > 2000
    assert {(name, status) for taken, name, status in counted if taken == "declined"} >= REFUSALS


def test_the_other_parser_is_always_the_one_in_python(cfg: Any) -> None:
    """Which parser reads the declined heads does not depend on what is installed, and no lock installs another."""
    assert cfg.http_parser == "python"
    for lock in ROOT.glob("requirements*.lock"):
        assert not re.search(r"(?i)gunicorn[-_]h1c|gunicorn\[", lock.read_text(encoding="utf-8"))


@pytest.mark.parametrize("field", [field for field in FIELDS if b"_" not in field])
def test_what_clients_send_is_not_left_to_gunicorn(field: bytes, cfg: Any) -> None:
    """Each field that ordinary clients send, beside a request id of its own, is read by the fast parser."""
    head = b"POST /loan?a=1 HTTP/1.1\r\nX-Request-Id: 1\r\n" + field.replace(b"X-Request-ID", b"X-Id") + b"\r\n\r\n"
    assert judge(head, cfg, PEERS[0], SERVERS[0]) == ("accepted", "accepted", 200)


def test_requests_with_equal_heads_share_nothing(cfg: Any) -> None:
    """What an application writes into the environ of a request is not in that of the next one with the same head."""
    fast = FastParser(cfg, SERVERS[0])
    head = b"POST /loan HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    found = []
    for peer in (PEERS[0], ("10.0.0.8", 1)):
        parsed = fast.parse(head, fast.environ_of(None, peer))
        assert parsed is not None
        assert "gateway.route" not in parsed[1]
        parsed[1].update({"gateway.route": "/loan", "HTTP_HOST": "other"})
        found.append(parsed)
    assert found[0][0] is not found[1][0]
    assert [environ["REMOTE_ADDR"] for _, environ in found] == ["10.0.0.7", "10.0.0.8"]
