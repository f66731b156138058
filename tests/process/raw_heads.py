"""Make raw request heads, well-formed and hostile: each odd part alone, each limit, and random mixtures of a seed."""

import random
from collections.abc import Iterator
from typing import Final

METHODS: Final = (b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PATCH")
ODD_METHODS: Final = (
    b"get", b"Post", b"G", b"GE", b"CONNECT", b"TRACE", b"PRI", b"FOO", b"M-SEARCH", b"QUERY", b"SOURCE", b"GET#", b"",
    b"GETGETGETGETGETGETGETG", b"G\xc9T", b"GET\x00", b"DESCRIBE", b"PROPFIND", b"\r\nGET", b" GET", b"\nGET",
)  # fmt: skip
TARGETS: Final = (
    b"/sentiment", b"/", b"/loan?income=1&age=2", b"/v2/models/loan/infer", b"/a/b;c=d/e,f?x=y?z", b"/?", b"/x?a=%20+b",
    b"/~user/(1)!$&'*+,;=:@|{}^`\"<>[]\\",
)  # fmt: skip
ODD_TARGETS: Final = (
    b"*", b"//evil/x", b"///", b"/a%2fb", b"/a%2Fb", b"/%", b"/%zz", b"/caf%c3%a9", b"/a#frag", b"/a?b#c", b"/#", b"?a", b"",
    b"http://host/path?q", b"https://h", b"http://[::1", b"HTTP://h:80/", b"host:80", b"a", b"http:///x", b"ftp://h/x", b"[::1]:80",
    b"/a%00b", b"/%2e%2e/x", b"/a%3fb", b"/a%23b", b"/%C3%A9?x=%C3%A9", b"/a;b%3b", b"/./a", b"/a/", b"/a?b=//c", b"/a?%zz",
    b"/caf\xc3\xa9", b"/\xff",
    b"/tab\tx", b"/nul\x00", b"/del\x7f", b"/ff\x0c", b"/sp ace", b"/..", b"/../etc", b"/a//b", b"/" + b"x" * 8190,
    b"/?" + b"y" * 8170, b"/x?y=\xe9", b"/x?y=\x7f",
)  # fmt: skip
VERSIONS: Final = (b"HTTP/1.1",) * 8 + (b"HTTP/1.0",)
ODD_VERSIONS: Final = (
    b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b" HTTP/1.1", b"HTTP/1", b"", b"HTTP/x.y",
    b"ICE/1.0", b"RTSP/1.0", b"HTTP/1.1\t", b"HTTP/\xb9.1",
)  # fmt: skip
FIELDS: Final = (
    b"Host: gateway:8000", b"Accept: */*", b"User-Agent: python-requests/2.32.5", b"Accept-Encoding: gzip, deflate",
    b"Content-Type: application/json", b"Content-Length: 17", b"Connection: keep-alive", b"X-Request-ID: 5f2a-11",
    b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"tracestate: a=1,b=2",
    b"Cookie: a=b; c=d", b"Authorization: Bearer abc.def", b"X-Forwarded-For: 10.0.0.1, 10.0.0.2", b"X-Forwarded-Proto: https",
    b"Forwarded: for=1.2.3.4;proto=https", b"If-None-Match: \"abc\"", b"Origin: https://page.example", b"X-Empty:", b"X-Blank: \t ",
    b"X-Trailing: value \t", b"X-Tight:v", b"X-Latin: caf\xe9", b"Connection: close", b"Connection: Keep-Alive, x", b"TE: trailers",
    b"X-Colon: a:b:c", b"Content-Length: 0", b"content-type: text/csv", b"X-Tab: a\tb", b"!#$%&'*+-.^`|~09: odd but a token",
    b"Upgrade-Insecure-Requests: 1", b"Via: 1.1 proxy", b"Expires: 0",
)  # fmt: skip
ODD_FIELDS: Final = (
    b"Content-Length: 17", b"Content-Length: 18", b"Content-Length: +17", b"Content-Length: -1", b"Content-Length: 1, 1",
    b"Content-Length: 0x11", b"Content-Length:", b"Content-Length: 1_0", b"Content-Length: \xb2", b"Content-Length: 017",
    b"Content-Length: 99999999999999999999999", b"Content-Length : 5", b"Content-Length: 1 7", b"Content_Length: 3",
    b"Content-Length: 18446744073709551616", b"Content-Length: " + b"9" * 5000,
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding:", b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: \x0bchunked", b"transfer_encoding: chunked", b" Transfer-Encoding: chunked", b"Transfer-Encoding\x00: chunked",
    b"Host: other", b"HOST: gateway:8000", b"Host:", b"Host: a b", b"Host: a:b:c", b"H\xf6st: x", b"Content-Type: text/plain",
    b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: other", b"Upgrade: websocket", b"Connection: Upgrade", b"Upgrade: h2c",
    b"Connection: close, keep-alive", b"Connection: clos\xe9", b"Connection:", b"Proxy-Connection: close", b"HTTP2-Settings: AAMAAABk",
    b"Con_tent: x", b"_: x", b"X_Forwarded_For: 1.1.1.1", b"SCRIPT_NAME: /x", b"Script-Name: /x", b"REMOTE_USER: root", b"Path-Info: /x",
    b" folded", b"\tfolded", b"X-Fold: a\r\n b", b"no colon", b": no name", b":", b"Na me: x", b"Name : x", b"N\x00me: x", b"(x): y", b"\"x\": y",
    b"X: nul\x00", b"X: bell\x07", b"X: del\x7f", b"X: cr\rx", b"X: lf\nY: z", b"X: vt\x0bx", b"X: ff\x0cx", b"X: esc\x1b[2J", b"X: \x0bx", b"X: x\x0c",
    b"Cookie: second", b"X-Request-ID: second", b"traceparent: second", b"accept: text/html", b"X-Long: " + b"z" * 8170,
    b"X-Long: " + b"z" * 8190, b"X-" + b"n" * 300 + b": v", b"\xdf: x", b"X\xa0: y", b"X:\xa0y\xa0", b"X: \xa0", b"\r: x", b"Wsgi.input: x",
)  # fmt: skip
BREAKS: Final = (b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\r\n ", b"\x00\r\n")
BYTES: Final = b'\x00\t\n\x0b\r "#%/:?@_\x7f\x80\xff'


#: Bytes of a request line and of a field, and fields of a head, that gunicorn's parser reads at most.
LINE_BYTES: Final = 8190
FIELD_COUNT: Final = 100


def single_faults() -> Iterator[bytes]:
    """Yield heads that are well-formed but for one part, and heads in which one field stands twice."""
    for method in (*METHODS, *ODD_METHODS):
        yield _joined(b"%s /loan HTTP/1.1" % method, b"Host: x")
    for target in (*TARGETS, *ODD_TARGETS):
        for method in (b"GET", b"OPTIONS", b"CONNECT"):
            yield _joined(b"%s %s HTTP/1.1" % (method, target), b"Host: x")
    for version in (*VERSIONS, *ODD_VERSIONS):
        yield _joined(b"GET /loan %s" % version, b"Host: x")
    for field in (*FIELDS, *ODD_FIELDS):
        for version in (b"1.0", b"1.1"):
            yield _joined(b"POST /loan HTTP/" + version, field, b"Accept: */*")
            yield _joined(b"POST /loan HTTP/" + version, b"X-First: 1", field)
        name, _, value = field.partition(b":")
        yield _joined(b"POST /loan HTTP/1.1", field, b"X-Between: 1", b"%s:%s" % (name.swapcase(), value))
        yield _joined(b"POST /loan HTTP/1.1", field, b"%s: other" % name)
        yield _joined(b"POST /loan HTTP/1.1", field, b"Content-Length: 3")
        yield _joined(b"POST /loan HTTP/1.1", field, b"Transfer-Encoding: chunked")
    for ending in BREAKS:
        for line in range(3):
            lines = [b"GET /loan HTTP/1.1", b"Host: x", b"Accept: */*"]
            lines[line] += ending
            yield _joined(*lines)
            yield b"".join(one + (ending if place == line else b"\r\n") for place, one in enumerate(lines)) + b"\r\n"


def at_the_limits() -> Iterator[bytes]:
    """Yield heads whose line, field, number of fields or size as a whole lies just below, at or beyond a limit."""
    for beyond in range(-3, 4):
        size = LINE_BYTES + beyond
        yield _joined(b"GET /".ljust(size - len(b" HTTP/1.1"), b"x") + b" HTTP/1.1", b"Host: x")
        yield _joined(b"GET /?".ljust(size - len(b" HTTP/1.1"), b"x") + b" HTTP/1.1")
        yield _joined(b"GET / HTTP/1.1", b"X-Long: ".ljust(size, b"x"))
        yield _joined(b"GET / HTTP/1.1", b"X-Long: ".ljust(size - 2, b" "), b"Host: x")
        whole = _joined(b"GET / HTTP/1.1", b"Host: x", b"X-Long: ")
        yield whole[:-4].ljust(size - 4, b"x") + b"\r\n\r\n"
        for first in ((), (b"Content-Length: 3",), (b"Expect: 100-continue",)):
            fields = [b"X-%d: v" % number for number in range(FIELD_COUNT + beyond - len(first))]
            yield _joined(b"GET / HTTP/1.1", *first, *fields)
        eighths = [b"X-%d: " % number + b"x" * 8000 for number in range(8)]
        yield _joined(b"GET / HTTP/1.1", *eighths, b"X-Rest: ".ljust(64 * 1024 + beyond - 8 * 8008, b"x"))


def _joined(*lines: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n"


def heads(seed: int, count: int) -> Iterator[bytes]:
    """Yield heads with their empty line: a third well-formed, a third with odd parts, a third damaged byte by byte."""
    source = random.Random(seed)
    for number in range(count):
        if number % 3 == 0:
            yield _head(source, odd=0.0)
        elif number % 3 == 1:
            yield _head(source, odd=0.2)
        else:
            yield _damaged(source, _head(source, odd=0.03))


def _head(source: random.Random, odd: float) -> bytes:
    def pick(usual: tuple[bytes, ...], unusual: tuple[bytes, ...]) -> bytes:
        return source.choice(unusual if source.random() < odd else usual)

    line = b" ".join((pick(METHODS, ODD_METHODS), pick(TARGETS, ODD_TARGETS), pick(VERSIONS, ODD_VERSIONS)))
    fields: list[bytes] = []
    names: set[bytes] = set()
    for _ in range(source.randint(0, 12) if source.random() > odd / 20 else source.randint(98, 103)):
        field = pick(FIELDS, ODD_FIELDS)
        if field in FIELDS and odd < 1 and (name := field.partition(b":")[0].lower()) in names:
            field = b"X-%d: v" % len(fields) if source.random() > odd else field
        else:
            name = field.partition(b":")[0].lower()
        names.add(name)
        fields.append(field)
    lines = [line, *fields]
    whole = b"\r\n".join(lines)
    if source.random() < odd / 3:
        whole = whole.replace(b"\r\n", source.choice(BREAKS), source.randint(1, 2))
    return whole + b"\r\n\r\n"


def _damaged(source: random.Random, head: bytes) -> bytes:
    """Return a head in which some bytes are others, too many or missing."""
    data = bytearray(head)
    for _ in range(source.randint(1, 3)):
        place = source.randrange(len(data))
        kind = source.randrange(4)
        if kind == 0:
            data[place] = source.choice(BYTES)
        elif kind == 1:
            data.insert(place, source.choice(BYTES))
        elif kind == 2:
            del data[place : place + source.randint(1, 3)]
        else:
            end = source.randrange(place, min(len(data), place + 40))
            data[place:place] = data[place:end]
    # Up to its empty line, as the connection finds it.
    end = data.find(b"\r\n\r\n")
    return bytes(data[: end + 4]) if end >= 0 else bytes(data) + b"\r\n\r\n"
