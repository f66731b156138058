"""What goes over one connection: heads and bodies in pieces, several requests at once, waits that end."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from gateway.process.http.fair_admission import PIPELINED, FairAdmission
from gateway.process.http.reply import Reply
from gateway.process.worker import Worker
from process.raw_connection import BAD, GOOD, Raw, head
from serving import Gateway


@pytest.fixture
def raw(five: Gateway) -> Iterator[Raw]:
    """Connect to the gateway with the five models."""
    connection = Raw(five.port)
    yield connection
    connection.close()


def test_one_head_again_and_again_with_other_bodies(raw: Raw) -> None:
    """Requests with one and the same head have each a body and a request id of their own."""
    assert len(GOOD) == len(BAD)
    answers: dict[bytes, set[bytes]] = {GOOD: set(), BAD: set()}
    ids = set()
    for _ in range(5):
        for body in (GOOD, BAD):
            raw.send(head(body) + body)
            code, headers, found = raw.answer()
            assert code == 200
            answers[body].add(found)
            ids.add(headers["x-request-id"])
    assert [len(found) for found in answers.values()] == [1, 1]
    assert answers[GOOD] != answers[BAD]
    assert len(ids) == 10


def test_several_requests_in_one_piece(raw: Raw) -> None:
    """Requests sent before the answer to the first are answered in order, whichever parser reads which of them."""
    slow = head(BAD, "Expect: 100-continue") + BAD  # gunicorn's parser reads this one
    raw.send((head(GOOD) + GOOD + head(BAD) + BAD) * 4 + slow + head(GOOD) + GOOD)
    found = [raw.answer()[2] for _ in range(8)]
    assert found[0] != found[1]
    assert found == found[:2] * 4
    assert raw.answer()[0] == 100
    assert [raw.answer()[2] for _ in range(2)] == [found[1], found[0]]


@pytest.mark.parametrize("cut", [1, 40, -len(GOOD), -len(GOOD) + 3, -1])
def test_a_request_in_two_pieces(raw: Raw, cut: int) -> None:
    """Where a request is cut on its way makes no difference."""
    whole = head(GOOD) + GOOD
    raw.send(whole)
    expected = raw.answer()[2]
    for _ in range(3):
        raw.send(whole[:cut])
        time.sleep(0.05)
        raw.send(whole[cut:])
        assert raw.answer()[2] == expected
        raw.send(whole)
        assert raw.answer()[2] == expected


def test_head_and_get_and_close(raw: Raw) -> None:
    """HEAD has no body in its answer; a head that asks to close is obeyed each time."""
    for _ in range(4):
        raw.send(head(b"", method="HEAD", path="/health/live"))
        code, headers, _ = raw.answer(has_body=False)
        assert code == 200
        assert int(headers["content-length"]) > 0
        raw.send(head(b"", method="GET", path="/health/live"))
        assert raw.answer()[0] == 200
    raw.send(head(GOOD, "Connection: close") + GOOD)
    assert raw.answer()[1]["connection"] == "close"
    assert raw.is_closed()


def test_close_is_obeyed_on_every_connection(five: Gateway) -> None:
    """A connection whose client asks to close it is closed, the first as the next."""
    for _ in range(4):
        connection = Raw(five.port)
        connection.send(head(GOOD, "Connection: close") + GOOD)
        code, headers, _ = connection.answer()
        assert (code, headers["connection"]) == (200, "close")
        assert connection.is_closed()
        connection.close()


@pytest.mark.parametrize("more", ["Transfer-Encoding: chunked", "Content-Length: 3", "Con_tent: x", "Host: y"])
def test_what_could_smuggle_a_request_is_refused(raw: Raw, more: str) -> None:
    """A head with one line too many is refused, however often the head without it was accepted."""
    for _ in range(3):
        raw.send(head(GOOD) + GOOD)
        assert raw.answer()[0] == 200
    raw.send(head(GOOD, more) + GOOD)
    assert raw.answer()[0] == 400
    assert raw.is_closed()


def test_expect_continue_each_time(raw: Raw) -> None:
    """A client that waits for `100 Continue` gets it for every request."""
    for _ in range(4):
        raw.send(head(GOOD, "Expect: 100-continue"))
        assert raw.answer()[0] == 100
        raw.send(GOOD)
        assert raw.answer()[0] == 200


def test_an_idle_connection_is_closed_in_time(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """One that never asks, one that has asked and one with half a head go after keepalive_s, and not before."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = gateway(f"version: 1\nroutes:\n  /m: {tmp_path}/m.stub\n", keepalive_s=1, workers=1)
    silent, asked, slow = Raw(server.port), Raw(server.port), Raw(server.port)
    began = time.monotonic()
    asked.send(head(b"", method="GET", path="/health/live"))
    assert asked.answer()[0] == 200
    slow.send(b"GET /health/live HTTP/1.1\r\nHost")
    for connection in (silent, slow, asked):
        assert connection.is_closed()
        assert time.monotonic() - began > 0.9
        connection.close()


@pytest.mark.parametrize(("idle_s", "head_s"), [(75.0, 15.0), (2.0, 2.0)])
def test_a_head_that_has_begun_is_not_idle(idle_s: float, head_s: float) -> None:
    """However long an idle connection is kept, a client that sends a head byte by byte is cut after 15 s."""
    limit: Any = Worker.head_timeout_s

    assert limit.fget(SimpleNamespace(idle_timeout_s=idle_s)) == head_s


def test_no_connection_is_kept_where_none_shall_be(gateway: Callable[..., Gateway], tmp_path: Path) -> None:
    """With keepalive_s 0 each connection serves one request."""
    (tmp_path / "m.stub").write_text('{"inputs": ["a"]}')
    server = gateway(f"version: 1\nroutes:\n  /m: {tmp_path}/m.stub\n", keepalive_s=0, workers=1)
    for _ in range(3):
        connection = Raw(server.port)
        connection.send(head(b"", method="GET", path="/health/live"))
        assert connection.answer()[1]["connection"] == "close"
        assert connection.is_closed()
        connection.close()


def request_of(*headers: tuple[str, str]) -> SimpleNamespace:
    """Return what gunicorn's parser says of a request, as far as an answer asks."""
    return SimpleNamespace(
        method="GET", version=(1, 1), headers=list(headers), proxy_protocol_info=None,
        should_close=lambda: False, leaves_body=lambda: False,
    )  # fmt: skip


class Counting(socket.socket):
    """Count system calls that send."""

    sends = 0

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        """Send and count."""
        self.sends += 1
        return super().send(data, flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        """Send all and count."""
        self.sends += 1
        super().sendall(data, flags)


@pytest.mark.parametrize(
    ("chunks", "length", "sends"), [([b"body"], 4, 1), ([b"bo", b"dy"], 4, 2), ([b"x" * 200_000], 200_000, 2)]
)
def test_one_write_an_answer(chunks: list[bytes], length: int, sends: int) -> None:
    """An answer of known length in one short chunk is one system call, headers included; no other loses a byte."""
    ours, theirs = socket.socketpair()
    counting = Counting(fileno=ours.detach())
    counting.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    reply = Reply(request_of(), counting, SimpleNamespace(protocol="http"))
    reply.start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(length)), ("X-Own", "v")])
    for chunk in chunks:
        reply.write(chunk)
    reply.close()
    counting.shutdown(socket.SHUT_WR)
    received = b"".join(iter(lambda: theirs.recv(65536), b""))
    top, _, body = received.partition(b"\r\n\r\n")
    assert body == b"".join(chunks)
    assert re.match(rb"HTTP/1\.1 200 OK\r\nServer: gunicorn\r\nDate: [^\r]+ GMT\r\nConnection: keep-alive\r\n", top)
    assert b"\r\nX-Own: v" in top
    assert counting.sends == sends
    counting.close()
    theirs.close()


def test_what_would_split_an_answer_is_refused() -> None:
    """A value with a line break in it never reaches the wire, under a header of ours as under any other."""
    for name in ("X-Request-ID", "X-Own"):
        reply = Reply(request_of(), None, SimpleNamespace(protocol="http"))
        with pytest.raises(Exception, match=name):
            reply.start_response("200 OK", [(name, "a\r\nSet-Cookie: x")])


def test_each_route_begins_in_its_turn() -> None:
    """A request of another route never stands behind a burst of one; whoever gives up leaves no gap."""
    admission = FairAdmission()
    begun: list[str] = []

    def begin(line: str) -> None:
        admission.wait_in(line)
        begun.append(line)

    burst = [gevent.spawn(begin, "/burst") for _ in range(50)]
    gevent.sleep(0)
    others = [gevent.spawn(begin, line) for line in ("/other", PIPELINED, "/other")]
    gone = gevent.spawn(begin, "/gone")
    gevent.sleep(0)
    gone.kill()
    gevent.joinall(burst + others)
    assert len(begun) == 53
    assert {"/other", PIPELINED} <= set(begun[:6])
    assert begun.index("/other", begun.index("/other") + 1) < 9
