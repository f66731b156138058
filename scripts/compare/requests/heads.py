"""Heads byte by byte: lines, names, values, framing, pipelines, pieces. Each goes over a connection of its own."""

import random
from collections.abc import Iterator
from typing import Final

from compare.requests.base import Request

_BODY: Final = b'{"query": "fine film"}'
_LENGTH: Final = b"Content-Length: %d" % len(_BODY)
_JSON: Final = b"Content-Type: application/json"
_LIVE: Final = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"

_FIRST_LINES: Final = (
    b"GET /health/live HTTP/1.1", b"GET /health/live HTTP/1.0", b"GET /health/live HTTP/1.2", b"GET /health/live HTTP/1.9", b"GET /health/live HTTP/2.0",
    b"GET /health/live HTTP/0.9", b"GET /health/live HTTP/1", b"GET /health/live HTTP/1.10", b"GET /health/live http/1.1", b"GET /health/live HTTPS/1.1", b"GET /health/live",
    b"GET  /health/live HTTP/1.1", b"GET /health/live  HTTP/1.1", b"GET /health/live HTTP/1.1 ", b" GET /health/live HTTP/1.1", b"GET\t/health/live\tHTTP/1.1",
    b"get /health/live HTTP/1.1", b"Get /health/live HTTP/1.1", b"G /health/live HTTP/1.1", b"GET! /health/live HTTP/1.1", b"GE(T /health/live HTTP/1.1", b"M-SEARCH /health/live HTTP/1.1",
    b"GETGETGETGETGETGETGETGETGETGET /health/live HTTP/1.1", b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET health/live HTTP/1.1", b"GET http://x/health/live HTTP/1.1",
    b"GET http://x HTTP/1.1", b"GET https://x:99999/health/live HTTP/1.1", b"GET ?x=1 HTTP/1.1", b"GET /health/live?x=1#y HTTP/1.1", b"GET /health/live#y HTTP/1.1", b"GET //health/live HTTP/1.1",
    b"GET /health/\xc3\xa9 HTTP/1.1", b"GET /health/%c3%a9 HTTP/1.1", b"GET /health/live\x00 HTTP/1.1", b"GET /health/live\x7f HTTP/1.1", b"GET /health/ live HTTP/1.1",
    b"GET /health/live?q=\xff HTTP/1.1", b'GET /health/live?q="<> HTTP/1.1', b"GET /health/live?q=[x] HTTP/1.1", b"GET /" + b"x" * 8000 + b" HTTP/1.1", b"GET /" + b"x" * 9000 + b" HTTP/1.1",
    b"CONNECT x:443 HTTP/1.1", b"CONNECT /health/live HTTP/1.1", b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"", b"\x00", b"HTTP/1.1 200 OK", b"TRACE /health/live HTTP/1.1",
)  # fmt: skip
_FIELDS: Final = (
    b"X: y", b"X:y", b"X:  y  ", b"X:\ty\t", b"X: ", b"X:", b"X : y", b" X: y", b"\tX: y", b"X", b": y", b"X-\xc3\xa9: y", b"X: \xc3\xa9", b"X: \xff", b"X: a\x00b", b"X: a\x01b", b"X: a\x7fb",
    b"X: a\rb", b"X: a\nb", b"X_Y: z", b"X-Y: z\r\nX_Y: w", b"X(Y): z", b"X Y: z", b"X\x00: z", b'"X": z', b"X/Y: z", b"X@Y: z", b"!#$%&'*+-.^_`|~: z", b"X.Y: z", b"1: 2",
    b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n b: c", b"X: a\r\n \r\n", b"X: a\r\nX: b", b"X-Request-ID: a\r\nX-Request-ID: b", b"X-Request-ID: " + b"a" * 128, b"X-Request-ID: " + b"a" * 129,
    b"Host: y", b"host: y", b"Host : y", b"Connection: close", b"Connection: keep-alive", b"Connection: close, keep-alive", b"connection: CLOSE", b"Connection: x", b"Connection: upgrade\r\nUpgrade: websocket",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", b"Upgrade: h2c", b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"TE: trailers", b"Trailer: X",
    b"Expect: 100-continue", b"Expect: x", b"Expect: 100-Continue, x", b"Expect:", b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 0", b"Content-Length: 0, 0", b"Content-Length: -1",
    b"Content-Length: +0", b"Content-Length: 0x0", b"Content-Length: 00", b"Content-Length: 1_0", b"Content-Length: ", b"Content-Length: x", b"Content-Length: 0 0", b"Content-Length: \xd9\xa0",
    b"Content-Length: " + b"9" * 30, b"Content-Length : 0", b"Content_Length: 5", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip", b"Transfer-Encoding: ", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0", b"Transfer_Encoding: chunked", b"Forwarded: for=1.2.3.4", b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Proto: https", b"X-Forwarded-Prefix: /x",
    b"X-Script-Name: /x", b"Script-Name: /x", b"Remote-User: x", b"Cookie: a=b; c=d", b"Authorization: Basic eDp5", b"Range: bytes=0-1", b"If-Modified-Since: x", b"If-Match: x", b"Accept: text/html",
    b"X: " + b"y" * 8100, b"X: " + b"y" * 8200, b"\r\n".join(b"X%d: y" % one for one in range(90)), b"\r\n".join(b"X%d: y" % one for one in range(110)),
    b"\r\n".join(b"X%d: " % one + b"y" * 7000 for one in range(9)), b"\r\n".join(b"X%d: " % one + b"y" * 7000 for one in range(12)), b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"traceparent: x\r\ntracestate: y=z", b"Sec-WebSocket-Key: x", b"Content-Type: application/json", b"content-type: application/json\r\nContent-Type: text/csv",
)  # fmt: skip
_CHUNKED: Final = (
    b"16\r\n%s\r\n0\r\n\r\n" % _BODY, b"b\r\n%s\r\nb\r\n%s\r\n0\r\n\r\n" % (_BODY[:11], _BODY[11:]), b"".join(b"1\r\n%c\r\n" % one for one in _BODY) + b"0\r\n\r\n",
    b"16;x=y\r\n%s\r\n0\r\n\r\n" % _BODY, b'16;x="y;z"\r\n%s\r\n0;last\r\n\r\n' % _BODY, b"16 \r\n%s\r\n0\r\n\r\n" % _BODY, b"0016\r\n%s\r\n000\r\n\r\n" % _BODY, b"16\r\n%s\r\n0\r\nX: y\r\n\r\n" % _BODY,
    b"16\r\n%s\r\n0\r\nContent-Length: 5\r\n\r\n" % _BODY, b"16\n%s\n0\n\n" % _BODY, b"16\r\n%s0\r\n\r\n" % _BODY, b"15\r\n%s\r\n0\r\n\r\n" % _BODY, b"17\r\n%s\r\n0\r\n\r\n" % _BODY, b"x\r\n%s\r\n0\r\n\r\n" % _BODY,
    b"-1\r\n%s\r\n0\r\n\r\n" % _BODY, b"+16\r\n%s\r\n0\r\n\r\n" % _BODY, b"0x16\r\n%s\r\n0\r\n\r\n" % _BODY, b"1_6\r\n%s\r\n0\r\n\r\n" % _BODY, b"\r\n%s\r\n0\r\n\r\n" % _BODY, b"fffffffffffffffff\r\n%s" % _BODY,
    b"0\r\n\r\n", b"16\r\n%s\r\n" % _BODY, b"16\r\n%s" % _BODY[:5], b"16\r\n%s\r\n0\r\n" % _BODY, b"16\r\n%s\r\n0\r\n\r\nGET /routes HTTP/1.1\r\n\r\n" % _BODY, b"16;" + b"x" * 9000 + b"\r\n%s\r\n0\r\n\r\n" % _BODY,
    b"16;x\x00=y\r\n%s\r\n0\r\n\r\n" % _BODY, b"16\r\n%s\r\n0\r\nX y\r\n\r\n" % _BODY, b"16\r\n%s\r\n0\r\n" % _BODY + b"X: y\r\n" * 200 + b"\r\n",
)  # fmt: skip


def requests(dice: random.Random) -> Iterator[Request]:
    """Yield heads that differ in one thing from one that is right."""
    for number, line in enumerate(_FIRST_LINES):
        yield _alone(f"line {number}", line + b"\r\nHost: x\r\n\r\n")
    for number, field in enumerate(_FIELDS):
        yield _alone(f"field {number}", _LIVE + field + b"\r\n\r\n")
        yield _alone(
            f"field {number} of a post", _post(field, _LENGTH if b"ontent-Length" not in field else b"X-A: b"), _BODY
        )
    yield from _lines()
    for number, body in enumerate(_CHUNKED):
        yield _alone(f"chunked {number}", _post(b"Transfer-Encoding: chunked"), body, ends=True)
        cut = dice.randrange(len(body))
        yield _alone(
            f"chunked {number} in pieces", _post(b"Transfer-Encoding: chunked"), body[:cut], body[cut:], ends=True
        )
    yield from _framing()


def _alone(name: str, *pieces: bytes, count: int = 1, ends: bool = False) -> Request:
    whole = (b"".join(pieces[:2]), *pieces[2:])
    return Request("five", f"head: {name}", whole, alone=True, count=count, ends=ends)


def _post(*fields: bytes, path: bytes = b"/sentiment") -> bytes:
    return b"\r\n".join([b"POST %s HTTP/1.1" % path, b"Host: x", _JSON, *fields, b"", b""])


def _lines() -> Iterator[Request]:
    """Yield heads whose lines end otherwise, or that begin with something else."""
    for name, head in {
        "LF alone": b"GET /health/live HTTP/1.1\nHost: x\n\n",
        "LF after the first line": b"GET /health/live HTTP/1.1\nHost: x\r\n\r\n",
        "LF after a field": _LIVE + b"X: y\nZ: w\r\n\r\n",
        "CR alone": b"GET /health/live HTTP/1.1\rHost: x\r\r",
        "an empty line first": b"\r\n" + _LIVE + b"\r\n",
        "three empty lines first": b"\r\n\r\n\r\n" + _LIVE + b"\r\n",
        "LF first": b"\n" + _LIVE + b"\r\n",
        "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
        "no host in 1.0": b"GET /health/live HTTP/1.0\r\n\r\n",
        "keep-alive in 1.0": b"GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "a proxy line": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + _LIVE + b"\r\n",
        "an empty host": b"GET /routes HTTP/1.1\r\nHost: \r\n\r\n",
        "an odd host": b"GET /routes HTTP/1.1\r\nHost: a b/<c>\r\n\r\n",
        "a port of a host": b"GET /routes HTTP/1.1\r\nHost: h:80:90\r\n\r\n",
        "a v6 host": b"GET /routes HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n",
        "a HEAD": b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    }.items():
        yield _alone(name, head)
    for cut in (1, 3, 20, len(_LIVE), len(_LIVE) + 1):
        whole = _LIVE + b"\r\n"
        yield _alone(f"in two pieces at {cut}", whole[:cut], b"", whole[cut:])
    yield _alone("half a head", _LIVE, ends=True)
    yield _alone("half a line", b"GET /heal", ends=True)
    yield _alone("nothing", b"\r\n", ends=True)


def _framing() -> Iterator[Request]:
    """Yield bodies that are shorter or longer than was said, and several requests in one piece."""
    post = _post(_LENGTH)
    for name, pieces, count, ends in (
        ("a body cut", (post, _BODY[:5]), 1, True),
        ("a body in pieces", (post, _BODY[:5], _BODY[5:]), 1, False),
        ("a body too long", (post, _BODY + b"xyz"), 2, False),
        ("a body and a request", (post, _BODY + _LIVE + b"\r\n"), 2, False),
        ("two posts", (post + _BODY, post + _BODY), 2, False),
        ("three posts", (post + _BODY, post + _BODY, post + _BODY), 3, False),
        ("a refused one first", (_post(b"X Y: z", _LENGTH), _BODY + _LIVE + b"\r\n"), 2, False),
        ("a body for a path that is none", (_post(_LENGTH, path=b"/none"), _BODY), 1, False),
        ("a body for GET", (b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + _LENGTH + b"\r\n\r\n", _BODY), 1, False),
        ("a large body for GET", (b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", b"x" * 2_000_000), 1, False),
        ("a length beyond the limit", (_post(b"Content-Length: 99999999999"), b"{"), 1, True),
        ("expect", (_post(_LENGTH, b"Expect: 100-continue"), b"", _BODY), 1, False),
        ("expect beyond the limit", (_post(b"Content-Length: 99999999999", b"Expect: 100-continue"), b""), 1, False),
        ("no length", (_post(), b""), 1, False),
        ("close with a body", (_post(_LENGTH, b"Connection: close"), _BODY), 1, False),
        ("an encoded slash", (b"GET /senti%2Fment?query=x HTTP/1.1\r\nHost: x\r\n\r\n", b""), 1, False),
        ("an encoded percent", (b"GET /senti%252Fment?query=x HTTP/1.1\r\nHost: x\r\n\r\n", b""), 1, False),
    ):  # fmt: skip
        yield _alone(name, *pieces, count=count, ends=ends)
