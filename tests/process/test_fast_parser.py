"""The two parsers of request heads: what httptools accepts, gunicorn's accepts with the same environ."""

import collections
import functools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.http import errors

from gateway.process.fast_parser import FastParser
from gateway.process.pm2 import PM2Bridge
from gateway.process.request import HttpParser, create_environ
from gateway.process.server import Server
from gateway.rest.malformed import refusal
from gateway.settings.settings import Settings
from process.raw_heads import heads

#: Made per request, and of no meaning to an application.
UNCOMPARED = {"wsgi.input", "wsgi.errors", "gunicorn.socket"}
PEERS = [("10.0.0.7", 41234), ("::1", 41234, 0, 0), "", b""]
SERVERS: list[Any] = [("127.0.0.1", 8000), "/run/gateway.sock"]


class Deaf:
    """Take what is sent to a client."""

    def send(self, data: bytes) -> int:
        """Take it."""
        return len(data)


@pytest.fixture(scope="module")
def cfg() -> Iterator[Any]:
    """Configure gunicorn as the gateway does."""
    server = Server(Settings(bind=("127.0.0.1:0",)), PM2Bridge(), is_pending=False)
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


def judge(head: bytes, cfg: Any, addr: Any, server: Any) -> tuple[str, str]:
    """Compare the parsers on one head; return how each took it."""
    fast = made_once(cfg, server)
    parsed = fast.parse(head, fast.environ_of(None, addr))
    taken = "declined" if parsed is None else "accepted"
    try:
        expected, environ = by_gunicorn(head, cfg, addr, server)
    except (errors.ParseException, errors.NoMoreData, StopIteration) as error:
        assert parsed is None, f"gunicorn refuses with {error!r}: {head!r}"
        known = refusal(error)
        return taken, str(known.status) if known else type(error).__name__
    if parsed is not None:
        request, found = parsed
        differing = {key for key in found.keys() | environ.keys() if found.get(key, Deaf) != environ.get(key, Deaf)}
        assert differing <= UNCOMPARED, f"{differing - UNCOMPARED} differ: {head!r}"
        assert (request.method, request.version) == (expected.method, expected.version)
        assert request.should_close() == expected.should_close(), head
        assert request.length == getattr(expected.body.reader, "length", None), head
    return taken, "200"


def test_both_parsers_agree(cfg: Any) -> None:
    """On thousands of heads, well-formed and hostile, no accepted one is refused or read otherwise by gunicorn."""
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for number, head in enumerate(heads(seed=8, count=6000)):
        counted[judge(head, cfg, PEERS[number % 4], SERVERS[number // 4 % 2])] += 1
    assert counted["accepted", "200"] > 2000
    assert counted["declined", "400"] > 1500
    assert {status for taken, status in counted if taken == "declined"} >= {
        "200",
        "400",
        "414",
        "417",
        "431",
        "501",
        "505",
    }
    # What gunicorn alone reads is rare: encoded paths, expectations, transfer codings, repeated fields.
    assert counted["declined", "200"] < 0.1 * counted["accepted", "200"]
