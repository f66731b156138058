"""Clients that push: whoever sends for nobody, in tiny pieces, slowly, or does not read, costs nobody else an answer."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import ClassVar

import pytest

import serving
from gateway.process.http.client_socket import Pace
from gateway.process.http.deadlines import Waits
from gateway.process.http.lingering_close import LINGER_BYTES
from serving import Gateway

HEAD = b"POST /m HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ROW = b'{"a": 1}'
CONNECTIONS = 30


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve one route from one worker with short patience and few places."""
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "m.stub").write_text('{"inputs": ["a"], "answer": 1.5}')
    registry = f"version: 1\nroutes:\n  /m: {folder}/m.stub\n"
    settings = {"stall_timeout_s": 1, "body_timeout_s": 3, "worker_connections": CONNECTIONS, "keepalive_s": 60}
    with serving.running(folder, cache, registry, workers=1, **settings) as server:
        yield server


def connect(server: Gateway) -> socket.socket:
    """Open a connection on which a test says every byte."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def everything(client: socket.socket) -> bytes:
    """Read until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while received := client.recv(65536):
            found += received
    return found


def push(server: Gateway, head: bytes, block: bytes) -> int:
    """Send a head, then one block again and again until the server has had enough; return how many bytes went."""
    sent = 0
    with connect(server) as client, contextlib.suppress(OSError):
        client.sendall(head)
        while True:
            client.sendall(block)
            sent += len(block)
    return sent


@pytest.mark.parametrize("path", [b"/nope", b"/health/live", b"/m"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_nobody_reads_is_let_go(pushed: Gateway, path: bytes, framing: str) -> None:
    """404, 405, 413: two clients that never stop sending are cut off after so many bytes; all others are answered."""
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % path
    block = b" " * 2**20
    if framing == "length":
        head += b"Content-Length: 9999999999999\r\n\r\n"
    else:
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        block = b"100000\r\n" + block + b"\r\n"
    sent: list[int] = []
    senders = [threading.Thread(target=lambda: sent.append(push(pushed, head, block))) for _ in range(2)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        assert pushed.get("/m", a=1).status == 200
    # What both kernels hold on the way comes on top, and 32 MiB that are read before a body in chunks is too large.
    assert max(sent) < LINGER_BYTES + 64 * 2**20


def test_a_chunk_is_cheap_or_refused(pushed: Gateway) -> None:
    """100,000 chunks of one byte are a body; a million are refused, and so are megabytes of extensions."""
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    end = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW)
    for chunks, status in ((b"1\r\n \r\n" * 100_000, 200), (b"1\r\n \r\n" * 1_000_000, 400)):
        with connect(pushed) as client:
            sender = threading.Thread(target=_send, args=(client, head + chunks + end))
            sender.start()
            while sender.is_alive():
                assert pushed.get("/m", a=1).status == 200
            answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert (b"chunks-too-small" in answer) == (status == 400)
    with connect(pushed) as client:
        _send(client, head + (b"1;a=" + b"b" * 8000 + b"\r\n \r\n") * 500 + end)
        assert b"chunks-too-small" in everything(client)


def _send(client: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(data)


@pytest.mark.parametrize("kind", [b"application/json", b"text/csv", b"multipart/form-data; boundary=b"])
@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n\r\nx", b"Transfer-Encoding: chunked\r\n\r\n5\r\nx"])
def test_a_body_that_stops_is_answered_and_let_go(pushed: Gateway, kind: bytes, framing: bytes) -> None:
    """After GATEWAY_STALL_TIMEOUT_S without a byte: 408 with the reason, then the end."""
    with connect(pushed) as client:
        client.sendall(HEAD.replace(b"application/json", kind) + framing)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:gateway:error:body-timeout" in answer
    assert b"Connection: close" in answer


def test_a_body_that_trickles_is_let_go(pushed: Gateway) -> None:
    """A byte now and then is no progress: GATEWAY_BODY_TIMEOUT_S holds for the whole."""
    with connect(pushed) as client:
        client.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        client.settimeout(0.2)
        answer = b""
        for _ in range(100):
            client.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answer = client.recv(65536)
                break
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_client_that_does_not_read_is_let_go(pushed: Gateway) -> None:
    """Answers that nobody takes end the connection after GATEWAY_STALL_TIMEOUT_S; the others are answered meanwhile."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(pushed) as client:
        _send(client, ask * 2000)
        serving.until(lambda: pushed.events("connection ended: the client does not read its answer"))
        assert pushed.get("/m", a=1).status == 200
        assert everything(client).count(b"HTTP/1.1 200") < 2000


def test_the_idlest_give_place(pushed: Gateway) -> None:
    """Where all places are taken, whoever waits for nothing goes first, the longest first; every newcomer is served."""
    with contextlib.ExitStack() as stack:
        stalled = [stack.enter_context(connect(pushed)) for _ in range(3)]
        idle = [stack.enter_context(connect(pushed)) for _ in range(2 * CONNECTIONS)]
        time.sleep(0.2)
        for client in stalled:
            _send(client, HEAD + b"Content-Length: 8\r\n\r\n{")
        for _ in range(5):
            assert pushed.get("/m", a=1).status == 200
        ended = [_has_ended(client) for client in idle]
        assert sum(ended) >= CONNECTIONS
        assert ended == sorted(ended, reverse=True)


def _has_ended(client: socket.socket) -> bool:
    client.settimeout(0.02)
    with contextlib.suppress(TimeoutError):
        return client.recv(1) == b""
    return False


class Waiting:
    """One wait that a test makes up, with a real socket."""

    made: ClassVar[list["Waiting"]] = []

    def __init__(self, stage: int, since: float, until: float = inf) -> None:
        self.stage, self.since, self.until = stage, since, until
        self.waiter: Waiting | None = self
        self.ended: list[bool] = []
        self.socket, self.client = socket.socketpair()
        self.made.append(self)

    def fileno(self) -> int:
        """Return the descriptor of a real socket."""
        return self.socket.fileno()

    def end(self, waiter: "Waiting", *, is_shed: bool) -> None:
        """Note that it was ended."""
        assert waiter is self
        self.ended.append(is_shed)

    def leave(self) -> None:
        """Give the place back, as the greenlet of a connection does when the loop comes to it."""
        self.waiter = None


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the sockets of the waits that a test made up."""
    yield
    while Waiting.made:
        one = Waiting.made.pop()
        one.socket.close()
        one.client.close()


def test_which_wait_is_shed() -> None:
    """A newcomer never while others wait longer; idlers by what they wait for; among equals the longest."""
    newcomer, body, head, older = Waiting(1, 99.9), Waiting(3, 10), Waiting(1, 50), Waiting(1, 40)
    waits = Waits()
    for one in (newcomer, body, head, older):
        waits.add(one)
    order = []
    for _ in range(4):
        waits.shed(100, 1)
        order.append(next(one for one in (newcomer, body, head, older) if one.ended and one not in order))
        order[-1].leave()
    assert order == [older, head, body, newcomer]


def test_who_has_gone_makes_room_before_anybody_who_waits() -> None:
    """A flood of clients that reset their connections costs nobody else a place, however long the loop takes."""
    waiting, gone, later = Waiting(1, 40), Waiting(3, 99.9), Waiting(1, 30)
    waits = Waits()
    for one in (waiting, gone, later):
        waits.add(one)
    gone.client.close()
    waits.shed(100, 3)
    assert (waiting.ended, gone.ended, later.ended) == ([], [True], [])
    waits.shed(100, 3)
    assert (waiting.ended, later.ended) == ([], [])  # the place of the first is about to be free
    gone.leave()
    waits.shed(100, 1)
    assert (waiting.ended, later.ended) == ([], [True])


def test_waits_end_when_their_time_is_over() -> None:
    """And those of a stage that is not wanted any more."""
    over, under, idle = Waiting(3, 0, 5), Waiting(3, 0, 50), Waiting(1, 0, 50)
    waits = Waits()
    for one in (over, under, idle):
        waits.add(one)
    waits.end_overdue(10)
    assert (over.ended, under.ended, idle.ended) == ([False], [], [])
    waits.end_overdue(10, stages=1)
    assert (under.ended, idle.ended) == ([], [False])


def test_the_pace_of_a_transfer() -> None:
    """A pause ends it, and so does a mean below the rate once its time is used up; bytes buy time."""
    pace = Pace(stall_s=20, total_s=120, bytes_per_s=1000)
    assert pace.until(began=0, moved=0, now=50) == 70
    assert pace.until(began=0, moved=0, now=110) == 120
    assert pace.until(began=0, moved=60_000, now=170) == 180


@pytest.mark.parametrize(
    ("line", "more", "status", "says"),
    [
        (b"GET /m?a=1 HTTP/1.2", b"Connection: close\r\n", 200, b"HTTP/1.1 200 OK"),
        (b"GET /m?a=1 HTTP/1.0", b"", 200, b"HTTP/1.0 200 OK"),
        (b"GET /m?a=1 HTTP/1.1", b"Connection: keep-alive, close\r\n", 200, b"Connection: close"),
        (b"GET /m?a=1 HTTP/1.1", b"Connection: Keep-Alive\r\nConnection: CLOSE\r\n", 200, b"Connection: close"),
        (b"GET //m?a=1 HTTP/1.1", b"Connection: close\r\n", 404, b"did you mean"),
        (b"GET http://x//m?a=1 HTTP/1.1", b"Connection: close\r\n", 404, b"unknown-path"),
        (b"GET /health%2flive HTTP/1.1", b"Connection: close\r\n", 404, b"/health%2flive"),
        (b"GET /%2Fm?a=1 HTTP/1.1", b"Connection: close\r\n", 404, b"unknown-path"),
        (b"GET /%6d?a=1 HTTP/1.1", b"Connection: close\r\n", 200, b"200 OK"),
        (b"GET /x/%2e%2e/m?a=1 HTTP/1.1", b"Connection: close\r\n", 404, b"unknown-path"),
        (b"POST /m HTTP/1.1", b"Transfer-Encoding: gzip, chunked\r\n", 501, b"transfer-coding"),
        (b"POST /m HTTP/1.1", b"Transfer-Encoding: identity\r\n", 501, b"transfer-coding"),
        (b"POST /m HTTP/1.1", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", 501, b"transfer-coding"),
        (b"POST /m HTTP/1.1", b"".join(b"X-%d: %s\r\n" % (n, b"a" * 8000) for n in range(10)), 431, b"64 KiB"),
    ],
)
def test_what_http_says_of_a_head(pushed: Gateway, line: bytes, more: bytes, status: int, says: bytes) -> None:
    """Versions, connection options, codings and slashes as RFC 9110 and 9112 have them."""
    with connect(pushed) as client:
        client.sendall(line + b"\r\nHost: x\r\n" + more + b"\r\n")
        answer = everything(client)
    assert int(answer.split(b" ", 2)[1]) == status
    assert says in answer


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        (b"0\r\nX-Checksum: 5\r\n\r\n", 200, None),
        (b"0\r\nContent-Length: 5\r\n\r\n", 400, "bad-header"),
        (b"0\r\nA: b\r\n c\r\n\r\n", 400, "bad-header"),
        (b"0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 431, "headers-too-large"),
        (b"", 400, "body-cut"),
    ],
)
def test_how_a_chunked_body_may_end(pushed: Gateway, end: bytes, status: int, code: str | None) -> None:
    """Trailers that HTTP forbids and bodies without an end are the client's fault, and said to be."""
    with connect(pushed) as client:
        client.sendall(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"%x\r\n%s\r\n" % (len(ROW), ROW) + end)
        client.shutdown(socket.SHUT_WR)
        head, _, content = everything(client).partition(b"\r\n\r\n")
    assert int(head.split(b" ", 2)[1]) == status
    assert code is None or json.loads(content)["type"] == f"urn:gateway:error:{code}"


def test_an_answer_before_the_body_keeps_the_connection_where_that_is_cheap(pushed: Gateway) -> None:
    """A short body that nobody wants is read past, in chunks too where it has come; a long one ends the connection."""
    ask = b"GET /m?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    lost = b"POST /nope HTTP/1.1\r\nHost: x\r\n"
    for body in (b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"):
        with connect(pushed) as client:
            client.sendall(lost + body + ask)
            answer = everything(client)
        assert [one[:3] for one in answer.split(b"HTTP/1.1 ")[1:]] == [b"404", b"200"]
    with connect(pushed) as client:
        client.sendall(lost + b"Content-Length: 30000000\r\n\r\n")
        assert b"Connection: close" in client.recv(65536)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sends", [b"", HEAD, HEAD + b"Content-Length: 1000\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]
)
def test_twenty_times_as_many_slow_clients_as_places(pushed: Gateway, sends: bytes) -> None:
    """Whatever slow clients have begun, and however many come back at once, every other request is answered."""
    ends = time.monotonic() + 30

    def come_back() -> None:
        while time.monotonic() < ends:
            with connect(pushed) as client, contextlib.suppress(OSError):
                client.sendall(sends)
                client.settimeout(max(ends - time.monotonic(), 0.1))
                client.recv(1)
            time.sleep(0.5)

    clients = [threading.Thread(target=come_back) for _ in range(20 * CONNECTIONS)]
    for client in clients:
        client.start()
    asked = 0
    while time.monotonic() < ends - 1:
        assert pushed.get("/m", a=1).status == 200
        asked += 1
        time.sleep(0.1)
    for client in clients:
        client.join()
    assert asked > 3
