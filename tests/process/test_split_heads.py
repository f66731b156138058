"""Requests in one piece and cut in two at every byte: both parsers take over from each other anywhere."""

import re
import time

from process.raw_connection import BAD, GOOD, Raw, head
from serving import Gateway

#: Read by httptools where they come whole, but for the second: its body is chunked.
PIPELINE = (
    head(GOOD, "X-Request-ID: first")[:-2] + b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n\r\n" + GOOD
    + b"POST /sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x;name=value\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (10, BAD[:10], len(BAD) - 10, BAD[10:])
    + b"GET /health/live?probe=1 HTTP/1.1\r\nhost:x\r\nX-Request-ID:\tthird\t\r\nX-Colon: a:b\r\n\r\n"
    + b"POST /sentiment HTTP/1.0\r\nConnection: close\r\nContent-Length: %d\r\n" % len(GOOD)
    + b"Content-Type: application/json\r\nX-Request-ID: fourth\r\n\r\n" + GOOD
)  # fmt: skip


def answers(connection: Raw) -> list[tuple[int, str, str, bytes]]:
    """Return what a client of the whole pipeline gets to see, but for what differs from time to time."""
    found = []
    for _ in range(4):
        status, headers, body = connection.answer()
        request_id = re.sub("[0-9a-f]{32}", "made", headers["x-request-id"])
        trace = re.sub("-[0-9a-f]{16}-", "-made-", headers.get("traceresponse", ""))
        found.append((status, request_id, trace, body))
    assert connection.is_closed()
    connection.close()
    return found


def test_where_a_request_is_cut_makes_no_difference(five: Gateway) -> None:
    """Four requests on one connection, cut in two at each byte in turn, get the answers of the uncut ones."""
    whole = Raw(five.port)
    whole.send(PIPELINE)
    expected = answers(whole)
    assert [one[:3] for one in expected] == [
        (200, "first", f"00-{'a' * 32}-made-01"), (200, "made", ""), (200, "third", ""), (200, "fourth", ""),
    ]  # fmt: skip
    assert expected[0][3] == expected[3][3] != expected[1][3]
    cut = {place: Raw(five.port) for place in range(1, len(PIPELINE))}
    for place, connection in cut.items():
        connection.send(PIPELINE[:place])
    time.sleep(0.5)  # most first pieces are read by then; a second one that came with its first tests nothing
    for place, connection in cut.items():
        connection.send(PIPELINE[place:])
    differing = [place for place, connection in cut.items() if answers(connection) != expected]
    assert not differing
