"""What is not HTTP is answered like every other error, and a client that is still sending gets to see the answer."""

import json
import socket
import time
from typing import Any

import pytest

import serving
from serving import Gateway

HEAD = b"POST /loan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def exchange(port: int, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes on a connection of their own; return status, headers and all that follows them until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(sent)
        found = b""
        while block := client.recv(65536):
            found += block
    head, _, body = found.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


REFUSED: dict[str, tuple[bytes, int, str, str]] = {
    "long line": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n", 414, "request-line-too-long", "body of a POST"),
    "very long line": (b"GET /" + b"a" * 3_000_000 + b" HTTP/1.1\r\n\r\n", 414, "request-line-too-long", "POST"),
    "long field": (b"GET / HTTP/1.1\r\nX: " + b"a" * 9_000 + b"\r\n\r\n", 431, "headers-too-large", "shorter"),
    "very long field": (b"GET / HTTP/1.1\r\nX: " + b"a" * 3_000_000 + b"\r\n\r\n", 431, "headers-too-large", "shorter"),
    "many fields": (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431, "headers-too-large", "fewer"),
    "nonsense": (b"nonsense\r\n\r\n", 400, "bad-request-line", "METHOD /path"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400, "bad-request-line", "METHOD /path"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-request-line", "HTTP/1.1"),
    "HTTP/3": (b"GET / HTTP/3.0\r\n\r\n", 505, "http-version", "HTTP/1.1"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "bad-request-line", "http://"),
    "lower case": (b"get / HTTP/1.1\r\n\r\n", 400, "bad-request-line", "capitals"),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400, "bad-request-line", "CR LF"),
    "letters": ("GET /é HTTP/1.1\r\n\r\n".encode(), 400, "bad-request-line", "percent-encoded"),
    "NUL": (b"GET / HTTP/1.1\r\nA: x\0y\r\n\r\n", 400, "bad-header", "Name: value"),
    "underscore": (b"GET / HTTP/1.1\r\nContent_Type: x\r\n\r\n", 400, "bad-header", "hyphens"),
    "folded": (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, "bad-header", "on one line"),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "bad-header", "whole number"),
    "length and chunks": (
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "bad-header",
        "none beside",
    ),
    "coding": (HEAD + b"Transfer-Encoding: br\r\n\r\n", 501, "transfer-coding", "Content-Encoding: gzip"),
    "expectation": (HEAD + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}", 417, "expectation", "100-continue"),
    "size of a chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        400,
        "bad-chunks",
        "Content",
    ),
    "end of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX", 400, "bad-chunks", "Content-Length"),
}


@pytest.mark.parametrize(("sent", "status", "code", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_http_is_answered_in_json(five: Gateway, sent: bytes, status: int, code: str, hint: str) -> None:
    """One JSON body with code, message, hint and request id, though no Flask ever saw the request; no reset."""
    found, headers, content = exchange(five.port, sent)
    body = json.loads(content)
    assert (found, headers["content-type"], int(headers["content-length"])) == (
        status,
        "application/json",
        len(content),
    )
    assert (body["type"], body["status"]) == (f"urn:gateway:error:{code}", status)
    assert hint in body["hint"]
    assert body["detail"] == body["message"] != ""
    assert body["request_id"] == headers["x-request-id"] != ""
    assert "b'" not in body["detail"]


def test_the_log_knows_the_request_and_not_what_it_sent(five: Gateway) -> None:
    """The id of the answer leads to a line with code and address; what was sent stays out of the log."""
    _, headers, _ = exchange(five.port, b"GET /loan?age_group=a-secret-value HTTP/x.y\r\n\r\n")
    request_id = headers["x-request-id"]
    (line,) = serving.until(
        lambda: [one for one in five.events("request refused") if one["request_id"] == request_id], what="the line"
    )
    assert (line["code"], line["status"], line["client"]) == ("http-version", 505, "127.0.0.1")
    assert "a-secret-value" not in five.log.read_text()


def test_a_broken_body_is_answered_once(five: Gateway) -> None:
    """Where the answer did not need the body, its broken rest gets no answer of its own, which would pass for the next."""
    found, _, content = exchange(
        five.port, b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    )
    assert found == 404
    assert b"HTTP/1.1" not in content
    assert json.loads(content)["status"] == 404


@pytest.mark.parametrize("length", [b"Content-Length: 40000000", b"Transfer-Encoding: chunked"])
def test_a_body_that_nobody_wants_does_not_cost_its_answer(five: Gateway, length: bytes) -> None:
    """A client that sends 40 MB before it reads, and closes after, gets its 413: urllib is one."""
    size = 40_000_000
    body: Any = b" " * size if b"Length" in length else b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n"
    found, headers, content = exchange(five.port, HEAD + b"Connection: close\r\n" + length + b"\r\n\r\n" + body)
    assert (found, headers["connection"]) == (413, "close")
    assert json.loads(content)["type"] == "urn:gateway:error:body-too-large"


def test_a_client_that_never_stops_sending_is_let_go(five: Gateway) -> None:
    """The patience with a refused client ends after some seconds; the worker serves others meanwhile."""
    with socket.create_connection(("127.0.0.1", five.port), timeout=20) as client:
        client.sendall(b"nonsense\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(200):
                client.sendall(b"more\r\n")
                assert five.get("/health/live").status == 200
                time.sleep(0.05)
