"""The server keeps what it promises to whoever reaches its socket: bounded, by name, and never ended by a request."""

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from child.child_servers import FILES, Child, UnixConnection, exchange, serving
from serving import until

CODE = """
import sys, time, socket, threading, os

class Own:
    def predict(self, do: str, x: float = 1.0) -> float:
        if do == "raise":
            raise ValueError("no such thing")
        if do == "exit":
            sys.exit(3)
        if do == "nap":
            print("naps")
            time.sleep(x)
        if do == "connect":
            socket.create_connection(("127.0.0.1", int(x)), 2).close()
        if do == "environment":
            return dict(os.environ)
        return x
"""


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """Return a server of code that does as it is told; it answers two calls at once."""
    path = tmp_path_factory.mktemp("code") / "own.py"
    path.write_text(CODE)
    with serving(path, entry="Own", max_concurrency=2) as found:
        assert found.ready().status == 200
        yield found
        assert found.infer(asking("x")).status == 200, "it lived through all tests of this file"


def asking(do: str, x: float = 1.0) -> dict[str, Any]:
    """Return the request of one call."""
    inputs = [
        {"name": "do", "datatype": "BYTES", "shape": [1], "data": [do]},
        {"name": "x", "datatype": "FP64", "shape": [1], "data": [x]},
    ]
    return {"inputs": inputs}


def raw(child: Child, data: bytes, *, ends: bool = False) -> bytes:
    """Send bytes as they are; return all that comes back until the server closes, or has answered once."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(20)
        client.connect(str(child.path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(data)
        if ends:
            client.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(65536):
                found += part
        return found


HEAD = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: m\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000, 431),
        (HEAD + b"\r\n", 411),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1e3\r\n\r\n", 400),
        (HEAD + b"Content-Length: \xb2\r\n\r\n", 400),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (HEAD + b"Content-Length: 99999999999999\r\n\r\n", 413),
        (HEAD + b"Content-Length: 9999999999999999999999\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    ],
)
def test_requests_that_cannot_be_framed_are_refused_and_closed(child: Child, data: bytes, status: int) -> None:
    """Nothing of what follows is read as another request."""
    answer = raw(child, data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nConnection: close\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize("data", [b"", b"GET", HEAD, HEAD + b"Content-Length: 10\r\n\r\n{}"])
def test_a_client_that_leaves_early_is_forgotten(child: Child, data: bytes) -> None:
    """No answer, and no trace."""
    assert raw(child, data, ends=True) == b""


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff", b"{" * 100_000, b'{"inputs": 1}', b'{"inputs": [1]}', b'{"inputs": [{"name": 1}]}',
        b'{"inputs": []}', b'{"inputs": [' + b"1" * 5_000 + b"]}",
        b'{"inputs": [{"name": "do"}, {"name": "x"}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "do", "shape": [1], "data": ["a"]}]}',
        b'{"inputs": [{"name": "do", "shape": [2], "data": ["a"]}, {"name": "x", "shape": [1], "data": [1]}]}',
        b'{"inputs": [{"name": "do", "shape": [-1], "data": ["a"]}, {"name": "x", "shape": [1], "data": [1]}]}',
        b'{"inputs": [{"name": "do", "shape": [true], "data": ["a"]}, {"name": "x", "shape": [1], "data": [1]}]}',
        b'{"inputs": [{"name": "do", "shape": [0], "data": []}, {"name": "x", "shape": [0], "data": []}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": [1]}, {"name": "x", "shape": [1], "data": [1]}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "x", "shape": [1], "data": ["1"]}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "x", "shape": [1], "data": [1' + b"0" * 400 + b"]}]}",
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "x", "shape": [1], "datatype": "FP64"}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "x", "shape": [1], "datatype": "FP64", '
        b'"parameters": {"binary_data_size": 1e9}}]}',
        b'{"inputs": [{"name": "do", "shape": [1], "data": ["a"]}, {"name": "x", "shape": [1], "datatype": "FP64", '
        b'"parameters": {"binary_data_size": 999999999999}}]}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_request_are_refused_by_name(child: Child, body: bytes) -> None:
    """Whatever is in them."""
    answer = child.ask("POST", "/v2/models/m/infer", body)
    assert (answer.status, answer.json["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    ("binary", "size"),
    [(b"\x01\x00\x00\x00a", 5), (b"\x05\x00\x00\x00a", 5), (b"\xff\xff\xff\xffa", 5), (b"\x01\x00", 2), (b"", 0)],
)
def test_texts_that_lie_about_their_lengths_are_refused(child: Child, binary: bytes, size: int) -> None:
    """Only the first is one text behind its length."""
    tensors = asking("")["inputs"]
    tensors[0] = {"name": "do", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": size}}
    answer = child.infer({"inputs": tensors}, binary)
    assert answer.status == (200 if binary == b"\x01\x00\x00\x00a" else 400)


def test_a_header_length_beyond_the_body_is_refused(child: Child) -> None:
    """`Inference-Header-Content-Length` says where the JSON ends."""
    answer = child.infer(asking("x"), headers={"Inference-Header-Content-Length": "100000"})
    assert (answer.status, answer.json["code"]) == (400, "bad-request")


def test_what_the_model_raises_is_told_in_a_line(child: Child) -> None:
    """Type and message on the wire, the traceback in the log; also where it wants to end the process."""
    found = [child.infer(asking(do)) for do in ("raise", "exit")]
    assert [one.status for one in found] == [500, 500]
    assert found[0].json == {"error": "ValueError: no such thing", "code": "predict"}
    assert found[1].json["error"] == "SystemExit: 3"
    lines = [json.loads(line) for line in child.log.read_text().splitlines()]
    assert any("no such thing" in line.get("traceback", "") and line["level"] == "error" for line in lines)


def test_paths_and_methods_that_are_not_there_are_told(child: Child) -> None:
    """A model of another name, an unknown path, a method that a path does not have."""
    asked = [("GET", "/v2/models/other"), ("GET", "/"), ("DELETE", "/v2"), ("GET", "/v2/models/m/infer")]
    assert [child.ask(method, path).status for method, path in asked] == [404, 404, 405, 405]
    assert child.ask("HEAD", "/v2/health/live").body == b""
    assert child.ask("GET", "/v2").json["extensions"] == ["binary_tensor_data"]


def test_outputs_are_those_that_are_asked_for(child: Child) -> None:
    """By name, each as raw bytes or as JSON; a name that is none is refused."""
    wanted = {"outputs": [{"name": "prediction", "parameters": {"binary_data": True}}], "id": "7"}
    answer = child.infer(asking("x") | wanted)
    assert answer.json["id"] == "7"
    assert answer.body.endswith(b"\x03\x00\x00\x001.0")
    assert child.infer(asking("x") | {"outputs": [{"name": "other"}]}).status == 400


def test_more_calls_than_there_are_places_are_refused_at_once(child: Child) -> None:
    """Two calls nap; the third is told to come again, health and metadata go on."""
    calls = [threading.Thread(target=child.infer, args=(asking("nap", 1.5),)) for _ in range(2)]
    for call in calls:
        call.start()
    answer = until(lambda: _if_refused(child), what="a refusal")
    assert (answer.json["code"], answer.headers["retry-after"]) == ("overloaded", "1")
    assert child.ask("GET", "/v2/health/ready").status == 200
    for call in calls:
        call.join()
    assert until(lambda: child.infer(asking("x")).status == 200)


def _if_refused(child: Child) -> Any:
    answer = child.infer(asking("x"))
    return answer if answer.status == 503 else None


def test_work_without_time_left_is_not_begun(child: Child) -> None:
    """The remaining time comes in a header."""
    assert child.infer(asking("x"), headers={"X-Gateway-Timeout-Ms": "0"}).json["code"] == "deadline"
    assert child.infer(asking("x"), headers={"X-Gateway-Timeout-Ms": "5000"}).status == 200
    assert child.infer(asking("x"), headers={"X-Gateway-Timeout-Ms": "soon"}).status == 400


def test_a_connection_is_kept_and_requests_may_follow_at_once(child: Child) -> None:
    """One after the other, and two in one piece."""
    body = json.dumps(asking("x")).encode()
    with contextlib.closing(UnixConnection(child.path)) as connection:
        assert [exchange(connection, "POST", "/v2/models/m/infer", body).status for _ in range(3)] == [200] * 3
    one = HEAD + f"Content-Length: {len(body)}\r\n".encode()
    answers = raw(child, one + b"\r\n" + body + one + b"Connection: close\r\n\r\n" + body)
    assert answers.count(b"HTTP/1.1 200 OK") == 2


def test_the_model_has_no_network_and_no_secrets(child: Child) -> None:
    """Where the kernel can refuse it; metadata says whether it does."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        answer = child.infer(asking("connect", server.getsockname()[1]))
    network = child.metadata()["parameters"]["network"]
    assert network in {"refused", "open"}
    assert answer.status == (500 if network == "refused" else 200)


def test_the_socket_is_of_this_user_alone(child: Child) -> None:
    """The folder and the socket."""
    assert stat.S_IMODE(child.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(child.path.stat().st_mode) == 0o600
    assert child.metadata()["parameters"]["memory_bytes"] > 10_000_000


def test_the_end_waits_for_the_calls_that_have_arrived(tmp_path: Path) -> None:
    """SIGTERM: an answer in the making is given, an idle connection is closed, nothing new is taken, the exit is 0."""
    (tmp_path / "own.py").write_text(CODE)
    with serving(tmp_path / "own.py", entry="Own") as child:
        assert child.ready().status == 200
        answers: list[Any] = []
        call = threading.Thread(target=lambda: answers.append(child.infer(asking("nap", 1.0))))
        with contextlib.closing(UnixConnection(child.path)) as idle:
            exchange(idle, "GET", "/v2")
            call.start()
            until(lambda: "naps" in child.log.read_text(), what="the call")
            child.process.terminate()
            call.join()
            assert [answer.status for answer in answers] == [200]
            assert child.process.wait(20) == 0
            with pytest.raises(OSError, match=r"."):
                exchange(idle, "GET", "/v2")


STARTER = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_no_child_outlives_its_starter(tmp_path: Path) -> None:
    """SIGKILL of the process that started it ends it, without any pipe."""
    (tmp_path / "own.py").write_text(CODE)
    (tmp_path / "spec.json").write_text(
        json.dumps({"model": "m", "artifact": str(tmp_path / "own.py"), "entry": "Own"})
    )
    path = tmp_path / "s.sock"
    command = [sys.executable, "-I", "-B", str(FILES / "serve.py"), "--spec", str(tmp_path / "spec.json")]
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, *command, "--socket", str(path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert starter.stdout is not None
    with starter.stdout as told:
        pid = int(told.readline())
        until(path.exists, 60, what="the socket")
        starter.kill()
        starter.wait(10)
    until(lambda: not _lives(pid), what="the end of the child")


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_closed_standard_input_ends_it(child: Child, tmp_path: Path) -> None:
    """The second line: where the kernel does not tell that the parent has ended."""
    (tmp_path / "own.py").write_text(CODE)
    with serving(tmp_path / "own.py", entry="Own") as other:
        assert other.process.stdin is not None
        other.process.stdin.close()
        assert other.process.wait(60) == 1


def test_a_stale_socket_is_taken_over_and_a_long_path_is_refused(tmp_path: Path) -> None:
    """What a killed process left is in nobody's way; sockaddr_un has 107 bytes."""
    (tmp_path / "own.py").write_text(CODE)
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"model": "m", "artifact": str(tmp_path / "own.py"), "entry": "Own"}))
    command = [sys.executable, "-I", "-B", str(FILES / "serve.py"), "--spec", str(spec), "--socket"]
    found = subprocess.run([*command, str(tmp_path / ("s" * 120))], capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "more than 107 bytes" in json.loads(found.stderr.splitlines()[-1])["msg"]
    path = tmp_path / "s"
    for _ in range(2):
        process = subprocess.Popen([*command, str(path)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        child = Child(process, path, tmp_path / "none")
        assert child.ready().status == 200
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        assert path.exists()


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("[]", "no JSON object"),
        ('{"model": "m"}', "lacking: artifact"),
        ("{", "line 1"),
        ('{"model": "m", "x": 1}', "unknown: x"),
    ],
)
def test_a_spec_that_is_wrong_is_told(tmp_path: Path, spec: str, what: str) -> None:
    """The key, before anything is served."""
    (tmp_path / "spec.json").write_text(spec)
    command = [sys.executable, "-I", "-B", str(FILES / "serve.py"), "--spec", str(tmp_path / "spec.json")]
    found = subprocess.run([*command, "--socket", str(tmp_path / "s")], capture_output=True, text=True, check=False)
    assert (found.returncode, what in json.loads(found.stderr.splitlines()[-1])["msg"]) == (2, True)
