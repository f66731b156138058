"""The bodies of a worker together: what they may take of its memory and its disk, and who is refused beyond it."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import serving
from serving import Gateway

MIB = 2**20
TYPES = {"json": "application/json", "csv": "text/csv", "form": "multipart/form-data; boundary=b"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve one route from one worker that has little room for bodies."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "m.stub").write_text('{"inputs": ["a"], "answer": 1.5}')
    registry = f"version: 1\nroutes:\n  /m: {folder}/m.stub\n"
    with serving.running(folder, cache, registry, workers=1, body_memory_mb=24, spool_mb=20) as server:
        yield server


def unfinished(server: Gateway, kind: str, size: int) -> socket.socket:
    """Send a whole body but for its last byte."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = f"POST /m HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPES[kind]}\r\nContent-Length: {size}\r\n\r\n"
    with contextlib.suppress(ConnectionError):
        client.sendall(head.encode() + b" " * (size - 1))
    return client


def refusal(client: socket.socket) -> bytes:
    """Return an answer that came before the body was whole, nothing where none comes."""
    client.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        return client.recv(65536)
    return b""


@pytest.mark.parametrize("kind", TYPES)
def test_bodies_beyond_the_budget_are_refused_and_nothing_else(small: Gateway, kind: str) -> None:
    """As many bodies wait as there is room for, the next get 503 and Retry-After; small ones are served; room returns."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(unfinished(small, kind, 8 * MIB)) for _ in range(5)]
        found = [answer for client in clients if (answer := refusal(client))]
        assert 2 <= len(found) < 5  # where two grow at once, both may find no room
        for answer in found:
            head, _, content = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"Retry-After: 1" in head
            assert json.loads(content)["type"] == "urn:gateway:error:bodies-full"
        for _ in range(3):
            assert small.post("/m", {"a": 1}).status == 200
            assert small.request("POST", "/m", b"a\n1\n", {"Content-Type": "text/csv"}).status == 200

    def fits_again() -> bool:
        padded = b'{"a": 1}' + b" " * (8 * MIB)
        return small.request("POST", "/m", padded, {"Content-Type": "application/json"}).status == 200

    serving.until(fits_again)


def test_a_declared_length_takes_nothing(small: Gateway) -> None:
    """Only bytes that have come are counted: clients that promise much and send nothing keep nobody out."""
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", small.port), timeout=20))
            client.sendall(b"POST /m HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n")
        body = json.dumps([{"a": 1}] * 20_000).encode()
        assert small.request("POST", "/m", body, {"Content-Type": "application/json"}).status == 200


@pytest.mark.parametrize(
    ("path", "start", "item", "end", "code"),
    [
        ("/m", "[", "{}", "]", "too-many-rows"),
        ("/m", '{"data":[', "[]", "]}", "too-many-rows"),
        ("/m", '{"a":[', "{}", "]}", "too-large"),
        ("/m/invocations", '{"dataframe_records":[', "{}", "]}", "too-many-rows"),
        ("/m/invocations", '{"inputs":{"a":[', "{}", "]}}", "too-large"),
        ("/v2/models/m/infer", '{"inputs":[{"data":[', "[]", "]}]}", "too-large"),
    ],
)
def test_what_json_would_become_is_known_before(
    small: Gateway, path: str, start: str, item: str, end: str, code: str
) -> None:
    """Millions of rows or values in a body that fits are refused without being made: the worker does not grow."""
    body = f"{start}{f'{item},' * 4_999_999}{item}{end}".encode()
    (pid,) = small.workers()
    before = psutil.Process(pid).memory_info().rss
    answer = small.request("POST", path, body, {"Content-Type": "application/json"})
    assert answer.status == 413
    assert code in answer.body.decode() or "more than" in answer.body.decode() or "would take" in answer.body.decode()
    assert psutil.Process(pid).memory_info().rss - before < 100 * MIB
    assert small.workers() == [pid]


def test_too_many_rows_of_raw_texts_are_not_read(small: Gateway) -> None:
    """The shape of a binary tensor says how many rows it has before one of them is a text."""
    texts = b"\x00\x00\x00\x00" * 2_000_000
    tensor = {"name": "a", "datatype": "BYTES", "shape": [2_000_000], "parameters": {"binary_data_size": len(texts)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    answer = small.request(
        "POST", "/v2/models/m/infer", head + texts, {"Inference-Header-Content-Length": str(len(head))}
    )
    assert answer.status == 413
    assert "100000 rows" in answer.json["error"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_says_so(small: Gateway) -> None:
    """Where the disk is full before the budget is, the answer names the disk and who can help; the route serves on."""
    spool = small.home / "run" / "spool"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", spool], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        answer = small.request("POST", "/m", b"a\n" + b"1\n" * (2 * MIB), {"Content-Type": "text/csv"})
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.json["type"] == "urn:gateway:error:disk-full"
        assert small.post("/m", {"a": 1}).status == 200
    finally:
        subprocess.run(["umount", spool], check=True)
