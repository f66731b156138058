"""The client of model servers: answers, deadlines, retries, failover, breaker, and servers that do everything wrong."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors import v2_server
from executors.v2_server import V2Server, answer, predicted, saying
from gateway.artifacts.remote_tensors import RemoteTensor, RemoteTensors
from gateway.errors import (
    DeadlineError,
    GatewayError,
    InputError,
    NotReadyError,
    OverloadError,
    PredictError,
    TooLargeError,
)
from gateway.executors import breaker as breakers
from gateway.executors import header_file, server_choice
from gateway.executors.batch_parts import in_parts
from gateway.executors.client_options import ClientOptions
from gateway.executors.header_file import HeaderFile
from gateway.executors.oip_client import OipClient
from gateway.executors.remote_predictions import RemotePredictions
from gateway.schema import make_column
from gateway.system.server_address import address_of
from serving import free_port

TENSORS = RemoteTensors(
    inputs=(RemoteTensor(name="a", datatype="FP64"),), values=(RemoteTensor(name="prediction", datatype="FP64"),)
)


def later(seconds: float = 20.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


def client_of(*servers: V2Server, **options: Any) -> OipClient:
    """Return a client of these servers."""
    return OipClient([address_of(server.address) for server in servers], "m", ClientOptions(**options))


def ask(client: OipClient, *values: float, seconds: float = 20.0) -> list[float]:
    """Predict one column of numbers."""
    found: list[float] = client.predict([make_column("number", values)], TENSORS, later(seconds)).values.tolist()
    return found


def state_of(client: OipClient) -> str:
    """Return the state of its breaker."""
    return client.breaker.state


def refused(kind: type[GatewayError], client: OipClient, seconds: float = 20.0) -> GatewayError:
    """Return the error of a predict."""
    with pytest.raises(kind) as caught:
        ask(client, 1.0, seconds=seconds)
    return caught.value


@pytest.fixture
def server(tmp_path: Path) -> Iterator[V2Server]:
    """Return a good server on a Unix socket."""
    server = V2Server(str(tmp_path / "s.sock"))
    yield server
    server.close()


@pytest.mark.parametrize("binary", [True, False])
def test_answers(server: V2Server, binary: bool) -> None:
    """Every row has its answer, with raw tensors or in JSON, over one kept connection."""
    client = client_of(server, binary=binary)
    for start in range(5):
        assert ask(client, start, start + 0.25) == [start, start + 0.25]
    assert server.connections == 1
    assert ("inference-header-content-length" in server.seen[-1].headers) is binary


def test_over_tcp_with_headers_and_the_remaining_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request carries our headers, those of now: a token that was changed is sent, a broken file changes nothing."""
    monkeypatch.setattr(header_file, "_LOOK_S", 0.0)
    server, file = V2Server(free_port()), tmp_path / "headers.yaml"
    file.touch(0o600)
    file.write_text("Authorization: Bearer x\n")
    client = client_of(server, headers=HeaderFile(file))
    for text, expected in [
        ("", "x"),
        ("Authorization: Bearer rotated\n", "rotated"),
        ("Authorization: [\n", "rotated"),
    ]:
        if text:
            file.write_text(text)
        assert ask(client, 2.0, seconds=3.0) == [2.0]
        headers = server.seen[-1].headers
        assert headers["authorization"] == f"Bearer {expected}"
    assert headers["host"] == f"127.0.0.1:{server.place}"
    assert 0 < int(headers["x-gateway-timeout-ms"]) <= 3000
    server.close()


def test_a_batch_larger_than_a_server_takes_goes_in_parts(server: V2Server) -> None:
    """In their order, probabilities and JSON values too; a fault names the row of the whole batch."""
    client = client_of(server, max_rows=3)
    assert ask(client, *range(8)) == list(range(8))
    assert server.predicts == 3
    assert ask(client, 1, 2, 3) == [1, 2, 3]
    assert server.predicts == 4
    columns = [make_column("number", range(5))]
    chances = in_parts(lambda part: RemotePredictions(part[0], np.column_stack([part[0], -part[0]])), columns, 2)
    assert chances.probabilities is not None
    assert chances.probabilities.tolist() == [[value, -value] for value in range(5)]
    told = in_parts(lambda part: RemotePredictions(part[0].tolist(), remote_s=1.0), columns, 2)
    assert (told.values, told.remote_s) == ([0, 1, 2, 3, 4], 3.0)
    narrow = RemoteTensors(inputs=(RemoteTensor(name="x", datatype="UINT8"),), values=TENSORS.values)
    with pytest.raises(InputError) as caught:
        client.predict([make_column("number", [1, 2, 3, 4, 300])], narrow, later(5))
    assert [(fault.at, fault.row) for fault in caught.value.faults] == [("$.instances[4]", 4)]


def test_callers_have_connections_of_their_own(server: V2Server) -> None:
    """Calls at the same time do not wait for each other, and each gets the answer to its own rows."""
    together = threading.Barrier(4)

    def meet(request: v2_server.Request, connection: Any) -> v2_server.Reply:
        together.wait(20)
        return v2_server.sums(request)

    server.answers.extend([meet] * 4)
    client, found = client_of(server), {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: ask(client, n)})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n] for n in range(4)}
    assert server.connections == 4


def test_kept_connection_that_the_server_closed(server: V2Server) -> None:
    """It is noticed before anything is sent: one request, one predict."""
    client = client_of(server)
    ask(client, 1.0)
    server.drop_connections()
    assert ask(client, 2.0) == [2.0]
    assert server.predicts == 2


def test_not_sent_is_sent_until_the_deadline(server: V2Server) -> None:
    """A server that is away for a moment, as after a kill -9, costs no request."""
    client = client_of(server)
    server.close()
    threading.Timer(0.3, server.listen).start()
    assert ask(client, 5.0) == [5.0]


def test_not_sent_until_the_deadline_is_a_reason(tmp_path: Path) -> None:
    """Without a server the caller hears so before its time is up, with the reason and when to come back."""
    client = OipClient([address_of(str(tmp_path / "none.sock"))], "m")
    error = refused(NotReadyError, client, seconds=0.3)
    assert error.code == "executor-unavailable"
    assert "No such file" in error.message
    assert isinstance(error, NotReadyError)
    assert error.retry_after_s >= 1


@pytest.mark.parametrize("losses", [1, 2])
def test_sent_and_lost_is_sent_once_more(server: V2Server, losses: int) -> None:
    """A connection lost after sending: one more try on a new one, and not a third."""
    server.answers.extend([v2_server.drop] * losses)
    client = client_of(server)
    if losses == 1:
        assert ask(client, 3.0) == [3.0]
    else:
        assert "twice" in refused(NotReadyError, client).message
    assert server.predicts == 2


def test_too_late_is_never_sent_again(server: V2Server) -> None:
    """A server that stalls costs the deadline, and has one request."""
    server.answers.append(v2_server.after(1.0))
    refused(DeadlineError, client_of(server), seconds=0.2)
    assert server.predicts == 1


def test_a_byte_at_a_time_does_not_hold_the_caller(server: V2Server) -> None:
    """The deadline is that of the whole exchange, however often the server sends something."""
    server.answers.append(v2_server.dripping(20.0))
    started = time.monotonic()
    refused(DeadlineError, client_of(server), seconds=0.3)
    assert time.monotonic() - started < 10.0


def test_passed_deadline_is_not_begun(server: V2Server) -> None:
    """Nothing is sent."""
    refused(DeadlineError, client_of(server), seconds=-1.0)
    assert server.seen == []


@pytest.mark.parametrize(
    ("reply", "kind", "part"),
    [
        (answer(400, {"error": "a must be positive"}), InputError, "a must be positive"),
        (answer(422, {"detail": [{"loc": "a"}]}), InputError, "status 422"),
        (answer(413, {}), TooLargeError, "batch of this size"),
        (answer(504, {}), DeadlineError, "deadline"),
        (answer(500, {"error": "ValueError: x"}), PredictError, "ValueError: x"),
        (answer(418, b"teapot"), PredictError, "status 418"),
        (answer(503, {"error": "loading"}, {"Retry-After": "7"}), NotReadyError, "loading"),
        (answer(503, {"error": "full", "code": "overloaded"}), OverloadError, "no more requests"),
        (answer(429, {}, {"Retry-After": "3"}), OverloadError, "no more requests"),
        (answer(401, {}), NotReadyError, "credentials"),
        (answer(404, {}), NotReadyError, "no such model"),
        (answer(302, {}, {"Location": "http://169.254.169.254/"}), NotReadyError, "redirect"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", PredictError, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", PredictError, "more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n", PredictError, "length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", PredictError, "headers"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", PredictError, "chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", PredictError, "coding"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", PredictError, "compressed"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, PredictError, "do not end"),
        (answer(200, b"[1"), PredictError, "cannot be read"),
        (answer(200, []), PredictError, "no answer of the Open Inference Protocol"),
        (answer(200, {"outputs": []}), PredictError, "'prediction' is absent"),
        (predicted([1.0, 2.0]), PredictError, r"shape [2], expected [1]"),
        (predicted([1.0], name="other"), PredictError, "absent"),
        (answer(200, {"outputs": [{"name": "prediction", "datatype": "BYTES", "shape": [1], "data": ["x"]}]}), PredictError, "metadata says FP64"),
        (answer(200, {"outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1], "data": ["x"]}]}), PredictError, "no numbers"),
        (answer(200, {"outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1], "data": []}]}), PredictError, "0 elements"),
        (answer(200, {"outputs": [{"name": "prediction", "datatype": "FP64", "shape": [10**15], "parameters": {"binary_data_size": 8}}]}, raw=bytes(8)), PredictError, "cannot be read"),
        (answer(200, {"outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 9}}]}, raw=bytes(8)), PredictError, "another size"),
        (answer(200, {}, {"Inference-Header-Content-Length": "999"}), PredictError, "longer than the answer"),
    ],
)  # fmt: skip
def test_each_refusal_is_told(server: V2Server, reply: bytes, kind: type[GatewayError], part: str) -> None:
    """Every way to refuse, to lie or to be no server at all has its error, is asked once, and leaves the client whole."""
    server.answers.append(saying(reply))
    client = client_of(server)
    error = refused(kind, client)
    assert part in (error.faults[0].message if isinstance(error, InputError) else error.message)
    assert server.predicts == 1
    assert ask(client, 4.0) == [4.0]
    assert "127.0.0.1" not in error.message


def test_an_answer_without_end_is_cut(server: V2Server) -> None:
    """A flood is refused at the bound of an answer to so few rows."""
    server.answers.append(v2_server.flooding)
    assert "more than" in refused(PredictError, client_of(server)).message


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_answers(server: V2Server, size: int) -> None:
    """An answer in chunks, with trailers and after a 100, is read as one with a length."""
    body = predicted([8.0]).partition(b"\r\n\r\n")[2]
    pieces = b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in _parts(body, size))
    whole = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
    server.answers.append(saying(whole + b"0\r\nX-Trailer: 1\r\n\r\n"))
    client = client_of(server)
    assert [ask(client, 8.0), ask(client, 9.0)] == [[8.0], [9.0]]
    assert server.connections == 1


def _parts(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


@pytest.mark.parametrize("bye", [b"Connection: close\r\n", b""])
def test_answers_until_the_end_of_the_connection(server: V2Server, bye: bytes) -> None:
    """HTTP/1.0 without a length: the body ends with the connection, which is not used again."""

    def say(request: v2_server.Request, connection: Any) -> v2_server.Reply:
        connection.sendall(b"HTTP/1.0 200 OK\r\n" + bye + b"\r\n" + predicted([8.0]).partition(b"\r\n\r\n")[2])
        return None

    server.answers.append(say)
    client = client_of(server)
    assert [ask(client, 8.0), ask(client, 9.0)] == [[8.0], [9.0]]
    assert server.connections == 2


def test_a_child_that_is_busy_or_loading_is_asked_again(server: V2Server) -> None:
    """A 503 of a child of ours has not begun: the caller waits for it, up to the deadline."""
    busy = saying(answer(503, {"error": "full", "code": "overloaded"}))
    server.answers.extend([busy, saying(answer(503, {"error": "loading"})), busy])
    client = client_of(server, waits_when_busy=True)
    assert ask(client, 6.0) == [6.0]
    assert server.predicts == 4
    server.always = busy
    refused(OverloadError, client, seconds=0.2)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[V2Server, V2Server]]:
    """Return two servers of one model."""
    servers = V2Server(str(tmp_path / "a.sock")), V2Server(str(tmp_path / "b.sock"))
    yield servers
    for server in servers:
        server.close()


def test_requests_are_spread(pair: tuple[V2Server, V2Server]) -> None:
    """Both servers work."""
    client = client_of(*pair)
    for n in range(10):
        assert ask(client, n) == [n]
    assert [server.predicts for server in pair] == [5, 5]


def _dead(server: V2Server) -> None:
    server.close()


def _unready(server: V2Server) -> None:
    server.always, server.is_ready = saying(answer(503, {})), False


def _gone(server: V2Server) -> None:
    server.always, server.is_ready = saying(answer(404, {})), False


def _dropping(server: V2Server) -> None:
    server.always, server.is_ready = v2_server.drop, False


@pytest.mark.parametrize("fault", [_dead, _unready, _gone, _dropping])
def test_failover(
    pair: tuple[V2Server, V2Server], fault: Callable[[V2Server], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one server is dead, unready, drops requests or lost the model, no request fails and it is left out."""
    monkeypatch.setattr(server_choice, "_FIRST_S", 0.1)
    client = client_of(*pair)
    ask(client, 0.0), ask(client, 0.0)
    fault(pair[0])
    before = pair[0].predicts
    assert [ask(client, n) for n in range(20)] == [[n] for n in range(20)]
    assert pair[0].predicts - before <= 1
    assert list(client.away) == [pair[0].address]
    if fault is _dead:
        pair[0].listen()
    pair[0].always, pair[0].is_ready = None, True
    ends = later()
    while client.away and time.monotonic() < ends:
        assert ask(client, 1.0) == [1.0]
        time.sleep(0.01)
    assert client.away == {}


def test_a_server_that_stalls_is_left_out(pair: tuple[V2Server, V2Server]) -> None:
    """The calls that it has cost their deadline; the next ones go to the other server, which it does not delay."""
    client = client_of(*pair)
    pair[0].always, pair[0].is_ready = v2_server.after(30.0), False
    late = 0
    for n in range(10):
        try:
            assert ask(client, n, seconds=0.5) == [n]
        except DeadlineError:
            late += 1
    assert late == 1
    assert state_of(client) == "closed"


def test_a_model_that_is_loaded_opens_no_breaker(server: V2Server) -> None:
    """The server says so itself, at once: each call gets its words, and the first one after it an answer."""
    client = OipClient([address_of(server.address)], "m", ClientOptions(what="the cluster"))
    server.always = saying(answer(503, {"error": "it starts nodes", "code": "child-loading"}))
    for _ in range(10):
        assert refused(NotReadyError, client).message == "the cluster is not ready yet: it starts nodes"
    server.always = None
    assert ask(client, 1) == [1]


def test_the_breaker_opens_and_closes(server: V2Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five failures in a row the server is left alone; then one call tries it, and its success lets all go."""
    monkeypatch.setattr(breakers, "FIRST_S", 0.2)
    client = OipClient([address_of(server.address)], "m")
    server.always = saying(answer(503, {}))
    for _ in range(5):
        refused(NotReadyError, client)
    assert state_of(client) == "open"
    before = len(server.seen)
    assert "is away" in refused(NotReadyError, client).message
    assert len(server.seen) == before
    server.always = None
    ends = later()
    while state_of(client) != "half-open" and time.monotonic() < ends:
        time.sleep(0.01)
    assert ask(client, 1.0) == [1.0]
    assert state_of(client) == "closed"


def test_rows_that_a_model_refuses_open_no_breaker(server: V2Server) -> None:
    """Errors of rows and of the model are answers."""
    client = client_of(server)
    for reply in (answer(400, {}), answer(500, {})):
        server.always = saying(reply)
        for _ in range(6):
            refused(GatewayError, client)
    assert state_of(client) == "closed"


def test_a_server_that_came_back_with_another_model_is_left_out(server: V2Server) -> None:
    """Its metadata are looked at before its first request, and again after it failed."""
    told = []

    def check(metadata: Any) -> None:
        told.append(metadata["platform"])
        if metadata["platform"] != "test":
            raise GatewayError("it serves another model now")

    client = client_of(server, check=check)
    ask(client, 1.0), ask(client, 1.0)
    assert told == ["test"]
    server.close()
    server.metadata["platform"] = "other"
    server.listen()
    assert ask(client, 1.0) == [1.0]  # its connection was closed while idle: nobody saw it fail
    server.answers.append(v2_server.drop)
    assert "another model" in refused(NotReadyError, client, seconds=0.3).message


def test_metadata_extensions_and_readiness(server: V2Server) -> None:
    """What a server tells of itself and of its model."""
    client = client_of(server)
    assert client.metadata(later()) == {server.address: json.loads(json.dumps(v2_server.METADATA))}
    assert client.extensions(later()) == {"binary_tensor_data"}
    assert client.ready(later()) == ""
    server.is_ready = False
    assert "503" in client.ready(later())
    server.close()
    assert "refused" in client.ready(later())
    with pytest.raises(NotReadyError, match="refused"):
        client.metadata(later())


def test_a_large_batch_goes_and_comes_whole(server: V2Server) -> None:
    """100,000 rows in one request, more than a socket buffer holds."""
    values = np.random.default_rng(1).normal(size=100_000)
    found = client_of(server).predict([values], TENSORS, later())
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ftp://host", "neither http"),
        ("host:8000", "neither http"),
        ("http://user:pw@host", "password"),
        ("http://host/v2", "leave out /v2"),
        ("http://host/v2/models/m/infer", "leave out /v2"),
        ("http://host?x=1", "query"),
        ("http://host:99999", "range"),
        ("http://", "no host"),
        ("http://a b", "no host"),
        ("http://host/a b", "escape"),
        ("http://169.254.169.254", "metadata"),
        ("http://[fe80::1]", "metadata"),
        ("http://[::ffff:169.254.169.254]", "metadata"),
        ("http://100.100.100.200", "metadata"),
        ("http://0.0.0.0:8000", "no address"),
        ("/" + "x" * 200, "107 bytes"),
    ],
)
def test_addresses_that_are_none(text: str, part: str) -> None:
    """What is no address of a server says why."""
    with pytest.raises(ValueError, match=part):
        address_of(text)


def test_a_name_that_leads_to_a_metadata_service_is_not_asked() -> None:
    """The address is looked at again when the name is resolved: here an IPv4 address in other words."""
    error = refused(NotReadyError, OipClient([address_of("http://2852039166:80")], "m"), seconds=0.1)
    assert "metadata" in error.message
