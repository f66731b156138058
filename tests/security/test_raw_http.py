"""
Every request is read in one way, by both parsers, on TCP and Unix sockets, alone and behind nginx and HAProxy; or refused.

OWASP: API8
"""

import http.client
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import serving
from process.proxies import in_front
from security.raw_client import Reply, exchange, replies
from security.raw_probes import MARK, PROBES, SMUGGLED, Probe
from serving import Gateway, until

REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n  /smuggled: m.stub\n"
#: A head that is longer than the fast parser reads goes to gunicorn's; no field or line of it is too long.
PADDING = b"".join(b"X-Pad-%d: %s\r\n" % (number, b"p" * 4_200) for number in range(2))
PARSERS = {"fast parser": b"", "gunicorn's parser": PADDING}
SOCKETS = ("TCP", "Unix")
PROXIES = ("nginx", "haproxy")
#: Where a proxy connects from that the gateway believes; clients and the other proxies come from 127.0.0.1.
TRUSTED = "127.0.0.9"
OK, BAD, NOT_FOUND = 200, 400, 404


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what one probe came to: all answers of its connection, what was none, and the lines of the access log."""

    probe: Probe
    id: str
    answers: list[Reply]
    rest: bytes
    seen: list[dict[str, object]]

    @property
    def paths(self) -> list[object]:
        """Return which paths the handlers saw for the probe itself."""
        return [line["route"] for line in self.seen if line["request_id"] == self.id]


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway on a port and on a Unix socket."""

    gateway: Gateway
    unix: Path

    def address(self, kind: str) -> int | Path:
        """Return where it listens."""
        return self.gateway.port if kind == "TCP" else self.unix

    def lines(self) -> list[dict[str, object]]:
        """Return the access log."""
        return self.gateway.events("request")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Front]:
    """Serve two routes on TCP and on a Unix socket; one worker, so that proxies reuse its connections."""
    folder = tmp_path_factory.mktemp("front")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    gateway = serving.make(folder, cache, REGISTRY, workers=1)
    unix = folder / "s"
    gateway.settings["GATEWAY_BIND"] = f"127.0.0.1:{gateway.port},unix:{unix}"
    gateway.settings["GATEWAY_TRUSTED_PROXIES"] = TRUSTED
    try:
        yield Front(gateway.start().wait(), unix)
        gateway.stop()
    finally:
        gateway.kill()


def last(name: str) -> bytes:
    """Return a request that ends its connection."""
    return (
        f"GET /health/live HTTP/1.1\r\nHost: last.test\r\nX-Request-ID: last-{name}\r\nConnection: close\r\n\r\n"
    ).encode()


def sent(probe: Probe, name: str, padding: bytes) -> bytes:
    """Return the bytes of a probe, known by its id, and of a request behind it."""
    mark = b"X-Request-ID: " + name.encode() + b"\r\n" + padding
    return probe.data.replace(MARK + b"\r\n", mark).replace(MARK + b"\n", mark.replace(b"\r\n", b"\n")) + last(name)


def outcomes(
    front: Front, address: int | Path, way: str, padding: bytes, neighbour: "Neighbour | None" = None
) -> list[Outcome]:
    """Send every probe on a connection of its own, and read the access log once all are answered."""
    found = []
    for number, probe in enumerate(PROBES):
        name = f"{way}-{number}"
        answers, rest = replies(exchange(address, sent(probe, name, padding), waits=probe.waits))
        found.append(Outcome(probe, name, answers, rest, []))
        if neighbour is not None:
            neighbour.ask(f"neighbour-{name}")
    exchange(front.address("TCP"), last(f"{way}-end"))
    until(lambda: [one for one in front.lines() if one["request_id"] == f"last-{way}-end"], what="the last line")
    lines = front.lines()
    return [replace(one, seen=[line for line in lines if str(line["request_id"]).endswith(one.id)]) for one in found]


def smuggled(front: Front) -> list[dict[str, object]]:
    """Return the lines of requests that no client has sent, of all tests so far."""
    return [one for one in front.lines() if one["request_id"] == "smuggled" or one["route"] == SMUGGLED]


class Neighbour:
    """Another client of the same proxy, which shares with the attacker its connections to the gateway."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, name: str) -> None:
        """Ask twice, as connections are lent from the second request on: each answer has to be its own."""
        for turn in ("a", "b"):
            self._http.request("GET", "/m?a=2", headers={"X-Request-ID": f"{name}{turn}"})
            answer = self._http.getresponse()
            got = answer.status, answer.getheader("X-Request-ID"), answer.read()
            assert got == (200, f"{name}{turn}", b'{"prediction":2.0}'), f"after {name}: {got}"

    def close(self) -> None:
        """End its connection."""
        self._http.close()


def forged(one: Outcome) -> list[str]:
    """Return what a probe made the gateway believe: an address, a scheme or a host that is not the client's."""
    clients = {str(line["client"]) for line in one.seen} - {"127.0.0.1", ""}
    said = b"".join(answer.body for answer in one.answers if answer.status == OK)
    return [*clients, *(text.decode() for text in (b"6.6.6.6", b"evil.test", b"https:") if text in said)]


def test_there_are_enough_probes() -> None:
    """There are at least sixty probes, each of its own, and most are refused."""
    assert len({probe.data for probe in PROBES}) == len({probe.name for probe in PROBES}) == len(PROBES) >= 60
    assert sum(not probe.path for probe in PROBES) >= 60


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("kind", SOCKETS)
def test_each_probe_is_refused_or_read_as_it_is_written(kind: str, parser: str, front: Front) -> None:
    """A refused probe ends its connection and reaches no handler; any other is one request, and the next is whole."""
    faults = []
    for one in outcomes(front, front.address(kind), f"{kind}-{parser[:4]}", PARSERS[parser]):
        wanted = [one.probe.status, *([OK] if one.probe.status in (OK, NOT_FOUND) else [])]
        got = [answer.status for answer in one.answers]
        assert not [a for a in one.answers if any(map(str.isdigit, a.headers.get("server", "")))], "a version is told"
        if got != wanted or one.paths != [one.probe.path][: bool(one.probe.path)] or one.rest or forged(one):
            faults.append(f"{one.probe.name}: {got} for {wanted}, seen {one.paths}, {one.rest[:60]!r} left over")
    assert not faults, "\n".join(faults)
    assert smuggled(front) == []


#: Each proxy, each kind of socket and each parser; the other combinations are left to the long tests.
ALWAYS = {("nginx", "TCP", "fast parser"), ("nginx", "Unix", "gunicorn's parser"),
          ("haproxy", "TCP", "gunicorn's parser"), ("haproxy", "Unix", "fast parser")}  # fmt: skip
WAYS = [
    pytest.param(*way, marks=[] if way in ALWAYS else [pytest.mark.slow])
    for way in itertools.product(PROXIES, SOCKETS, PARSERS)
]


@pytest.mark.parametrize(("name", "kind", "parser"), WAYS)
def test_behind_a_proxy_no_probe_changes_what_is_asked(
    name: str, kind: str, parser: str, front: Front, tmp_path: Path
) -> None:
    """What the proxy lets through keeps path, client and scheme; every answer goes to the client that asked for it."""
    wanted = {"nginx": f"unix:{front.unix}", "haproxy": f"unix@{front.unix}"}[name]

    def to_unix(text: str) -> str:
        return text.replace(f"127.0.0.1:{front.gateway.port}", wanted) if kind == "Unix" else text

    way = f"{name}-{kind}-{parser[:4]}"
    with in_front(name, front.gateway.port, tmp_path, to_unix) as (port, _):
        neighbour = Neighbour(port)
        found = outcomes(front, port, way, PARSERS[parser], neighbour)
        neighbour.close()
    faults = []
    for one in found:
        strangers = {answer.request_id for answer in one.answers if answer.status < BAD} - {one.id, f"last-{one.id}"}
        if not {one.probe.mended}.issuperset(one.paths) or len(one.paths) > 1 or forged(one) or strangers:
            got = [answer.status for answer in one.answers]
            faults.append(f"{one.probe.name}: {got}, seen {one.paths}, {forged(one)}, answers of {strangers}")
    assert not faults, "\n".join(faults)
    assert smuggled(front) == []
    assert sum(bool(one.paths) for one in found) >= 30, "hardly any probe came through"


#: Fields that a trusted proxy is believed; a client may send them as well, also as fields of one connection.
FORGED = (
    b"X-Forwarded-For: 6.6.6.6", b"X-Forwarded-For: 127.0.0.9", b"X-Forwarded-For: 6.6.6.6, 127.0.0.9", b"X-Forwarded-For: x",
    b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7", b"Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6",
    b"X-Forwarded-Proto: https", b"X-Forwarded-Host: evil.test", b"X-Forwarded-Prefix: /evil.test",
    b"Connection: X-Forwarded-Host, X-Forwarded-Proto\r\nX-Forwarded-Host: evil.test",
    b"Forwarded: for=6.6.6.6;host=evil.test;proto=https", b"X-Real-IP: 6.6.6.6",
)  # fmt: skip


@pytest.mark.parametrize("name", PROXIES)
def test_a_trusted_proxy_is_believed_what_it_says_and_not_what_a_client_does(
    name: str, front: Front, tmp_path: Path
) -> None:
    """With the documented lines, whatever a client sends: its own address, the proxy's host and scheme, its own path."""

    def from_trusted(text: str) -> str:
        if name == "nginx":
            return text.replace("proxy_http_version 1.1;", f"proxy_http_version 1.1; proxy_bind {TRUSTED};")
        return text.replace("http-reuse safe", f"http-reuse safe\n    source {TRUSTED}")

    with in_front(name, front.gateway.port, tmp_path, from_trusted) as (port, _):
        for number, field in enumerate(FORGED):
            mark = b"Host: told.test:81\r\nConnection: close\r\nX-Request-ID: %s-forged-%d\r\n" % (
                name.encode(),
                number,
            )
            answers, _ = replies(exchange(port, b"GET /routes HTTP/1.1\r\n" + mark + field + b"\r\n\r\n"))
            assert [one.status for one in answers] == [OK], field
            assert b"http://told.test:81/m" in answers[0].body, field
            assert not [word for word in (b"6.6.6.6", b"evil.test", b"https:") if word in answers[0].body], field
            inner = b"GET /evil.test/m?a=1 HTTP/1.1\r\n" + mark + field + b"\r\n\r\n"
            assert [one.status for one in replies(exchange(port, inner))[0]] == [NOT_FOUND], field
    exchange(front.address("TCP"), last(f"{name}-forged-end"))
    until(
        lambda: [one for one in front.lines() if one["request_id"] == f"last-{name}-forged-end"], what="the last line"
    )
    lines = [one for one in front.lines() if str(one["request_id"]).startswith(f"{name}-forged-")]
    assert len(lines) == 2 * len(FORGED)
    assert {one["client"] for one in lines} == {"127.0.0.1"}
