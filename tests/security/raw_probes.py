"""
Requests that try to be read in two ways, byte by byte: what a handler may see of each, and how the gateway answers.

A probe is one request. `SMUGGLED` is the path that no probe may reach: it stands where one parser reads a body or a
part of a line and another one a request.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PATH: Final = "/m"
SMUGGLED: Final = "/smuggled"
BODY: Final = b'{"a": 1}'
#: A whole request where a body should end; a gateway that is led astray answers it.
INNER: Final = b"GET /smuggled?a=1 HTTP/1.1\r\nHost: inner\r\nX-Request-ID: smuggled\r\n\r\n"
JSON: Final = b"Content-Type: application/json"
LENGTH: Final = b"Content-Length: 8"
CHUNKED: Final = b"Transfer-Encoding: chunked"
#: Where the test writes the fields by which it knows the request again.
MARK: Final = b"<mark>"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    Hold one request and what becomes of it where no proxy is in front.

    `status` is its answer. `path` is what a handler sees of its target; empty where none may see it: then the
    connection ends. A proxy may mend what the gateway refuses: then the handler sees `PATH`, or nothing where the target
    itself is at fault. `waits` where the client has to stop sending before anything can be answered.
    """

    name: str
    data: bytes
    status: int
    path: str = ""
    waits: bool = False

    @property
    def mended(self) -> str:
        """Return the path that handlers may see behind a proxy."""
        return self.path or ("" if self.name.startswith("target:") else PATH)


def request(line: bytes, *fields: bytes, body: bytes = b"", host: bytes | None = b"Host: gateway.test") -> bytes:
    """Return a request whose mark stands behind its first line."""
    lines = [line, MARK, *([host] if host is not None else []), *fields, b"", b""]
    return b"\r\n".join(lines) + body


def post(*fields: bytes, body: bytes = BODY) -> bytes:
    """Return a POST of JSON to the route."""
    return request(b"POST /m HTTP/1.1", JSON, *fields, body=body)


def get(*fields: bytes, target: bytes = b"/m?a=1", host: bytes | None = b"Host: gateway.test") -> bytes:
    """Return a GET of the route, or of another target."""
    return request(b"GET %s HTTP/1.1" % target, *fields, host=host)


def chunks(framing: bytes, *fields: bytes) -> bytes:
    """Return a POST with a chunked body as it is written."""
    return post(CHUNKED, *fields, body=framing)


def _lengths() -> Iterator[Probe]:
    """Yield requests whose length can be read in two ways."""
    terminated = b"0\r\n\r\n" + INNER
    yield Probe("length, then chunked", post(b"Content-Length: %d" % len(terminated), CHUNKED, body=terminated), 400)
    yield Probe("chunked, then length", post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"), 400)
    yield Probe("two lengths", post(b"Content-Length: 0", LENGTH), 400)
    yield Probe("one length twice", post(LENGTH, LENGTH), 400)
    for name, value in (
        ("list", b"8, 8"), ("plus", b"+8"), ("minus", b"-8"), ("hexadecimal", b"0x8"), ("two numbers", b"8 8"),
        ("empty", b""), ("grouped", b"0_8"), ("superscript", b"\xb2"), ("vertical tab", b"\x0b8"), ("quoted", b'"8"'),
        ("fraction", b"8.0"), ("exponent", b"8e0"), ("NUL behind", b"8\0"),
    ):  # fmt: skip
        yield Probe(f"length: {name}", post(b"Content-Length: " + value), 400)
    yield Probe("length: 2**64 + 8", post(b"Content-Length: 18446744073709551624"), 413, PATH, waits=True)
    yield Probe("length: leading zeros", post(b"Content-Length: 0008"), 200, PATH)
    yield Probe("length: space before the colon", post(b"Content-Length : 8"), 400)
    yield Probe("length: underscore", post(b"Content_Length: 0", LENGTH), 400)
    yield Probe("length: in a folded line", post(b"X-Fold: a\r\n Content-Length: 0", LENGTH), 400)


def _codings() -> Iterator[Probe]:
    """Yield requests whose transfer coding can be read in two ways."""
    for name, value, status in (
        ("gzip", b"gzip, chunked", 501), ("identity", b"identity", 501), ("identity last", b"chunked, identity", 501),
        ("twice in one", b"chunked, chunked", 400), ("longer name", b"xchunked", 501), ("vertical tab", b"\x0bchunked", 400),
        ("NUL", b"chunked\0", 400), ("quoted", b'"chunked"', 501), ("parameter", b"chunked;q=0.5", 501),
        ("empty", b"", 501), ("comma", b",chunked", 501), ("form feed", b"chunked\x0c", 400), ("no-break space", b"chunked\xa0", 501),
    ):  # fmt: skip
        yield Probe(f"coding: {name}", post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n"), status)
    yield Probe("coding: in two fields", post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), 501)
    yield Probe("coding: two fields alike", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400)
    yield Probe("coding: space before the colon", post(b"Transfer-Encoding : chunked", LENGTH), 400)
    yield Probe("coding: underscore", post(b"Transfer_Encoding: chunked", LENGTH), 400)
    yield Probe("coding: folded", post(b"Transfer-Encoding:\r\n chunked", LENGTH), 400)
    yield Probe("coding: behind a bare CR", post(b"X: y\rTransfer-Encoding: chunked", LENGTH), 400)
    yield Probe("coding: behind a bare LF", post(b"X: y\nTransfer-Encoding: chunked", LENGTH), 400)
    yield Probe("coding: NUL in the name", post(b"Transfer-Encoding\0: chunked", LENGTH), 400)
    old = request(b"POST /m HTTP/1.0", JSON, CHUNKED, body=b"8\r\n" + BODY + b"\r\n0\r\n\r\n")
    yield Probe("coding: in HTTP/1.0", old, 400)
    plain = b"8\r\n" + BODY + b"\r\n0\r\n\r\n"
    yield Probe("coding: capitals", post(b"Transfer-Encoding: CHUNKED", body=plain), 200, PATH)
    yield Probe("coding: tabs around", post(b"Transfer-Encoding: \tchunked\t", body=plain), 200, PATH)


def _chunks() -> Iterator[Probe]:
    """Yield chunked bodies whose framing can be read in two ways."""
    end = b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    for name, size in (
        ("plus", b"+8"), ("minus", b"-8"), ("0x", b"0x8"), ("space behind", b"8 "), ("space before", b" 8"), ("grouped", b"0_8"),
        ("empty", b""), ("no hexadecimal digit", b"8g"), ("NUL", b"8\0"), ("tab", b"\t8"), ("LF in an extension", b"8;a\nb"),
        ("CR in an extension", b"8;a\rb"), ("NUL in an extension", b"8;a\0b"),
    ):  # fmt: skip
        yield Probe(f"chunk: {name}", chunks(size + end), 400, PATH)
    yield Probe("chunk: 2**64 + 8", chunks(b"10000000000000008" + end), 400, PATH, waits=True)
    yield Probe("chunk: LF behind the size", chunks(b"8\n" + BODY + b"\r\n0\r\n\r\n"), 400, PATH)
    yield Probe("chunk: LF behind the content", chunks(b"8\r\n" + BODY + b"\n0\r\n\r\n"), 400, PATH)
    yield Probe("chunk: longer than said", chunks(b"7\r\n" + BODY + b"\r\n0\r\n\r\n"), 400, PATH)
    yield Probe("chunk: shorter than said", chunks(b"9\r\n" + BODY + b"\r\n0\r\n\r\n"), 400, PATH)
    yield Probe("chunk: extension", chunks(b'8;a="b c"' + end), 200, PATH)
    yield Probe("chunk: leading zeros", chunks(b"0008" + end), 200, PATH)
    trailers = b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\nHost: inner\r\nX-Request-ID: smuggled\r\n\r\n"
    yield Probe("chunk: framing in the trailer", chunks(b"8\r\n" + BODY + b"\r\n0\r\n" + trailers), 400, PATH)
    yield Probe("chunk: a request as trailer", chunks(b"8\r\n" + BODY + b"\r\n0\r\n" + INNER), 400, PATH)


def _lines() -> Iterator[Probe]:
    """Yield heads whose lines end, begin or are divided in ways that parsers take differently."""
    yield Probe("lines: bare LF", get().replace(b"\r\n", b"\n"), 400)
    yield Probe("lines: bare LF behind the first", get().replace(b" HTTP/1.1\r\n", b" HTTP/1.1\n"), 400)
    yield Probe("lines: CR CR LF", get(b"X: y\r"), 400)
    yield Probe("lines: folded", get(b"X: y\r\n z"), 400)
    yield Probe("lines: blank before the first field", get().replace(MARK, b" X: y\r\n" + MARK), 400)
    yield Probe("lines: blank before the method", b" " + get(), 400)
    yield Probe("lines: empty ones before", b"\r\n\r\n" + get(), 400)
    yield Probe("lines: two blanks", get().replace(b"GET ", b"GET  "), 400)
    yield Probe("lines: tabs", get().replace(b"GET ", b"GET\t"), 400)
    yield Probe("lines: a word behind the version", get().replace(b"HTTP/1.1", b"HTTP/1.1 x"), 505)
    yield Probe("lines: no version", get().replace(b" HTTP/1.1", b""), 400)
    yield Probe("lines: HTTP/1.9", get().replace(b"HTTP/1.1", b"HTTP/1.9"), 200, PATH)
    yield Probe("lines: HTTP/2.0", get().replace(b"HTTP/1.1", b"HTTP/2.0"), 505)
    yield Probe("lines: preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400)
    yield Probe("lines: lower case method", get().replace(b"GET", b"get"), 400)
    yield Probe("lines: method with NUL", get().replace(b"GET", b"GET\0"), 400)
    yield Probe("lines: PROXY protocol, version 1", b"PROXY TCP4 6.6.6.6 7.7.7.7 1 2\r\n" + get(), 400)
    second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\x07\x07\x07\x07\0\x01\0\x02"
    yield Probe("lines: PROXY protocol, version 2", second + get(), 400)
    for name, field in (
        ("NUL in a name", b"X\0: y"), ("NUL in a value", b"X: a\0b"), ("ESC in a value", b"X: \x1b[2J"), ("BEL", b"X: \x07"),
        ("no colon", b"X"), ("no name", b": y"), ("blank in a name", b"X y: z"), ("8 bits in a name", b"X\xe9: y"),
        ("bracket in a name", b"X(y): z"), ("two hosts", b"Host: other.test"), ("CR in a value", b"X: a\rb"),
    ):  # fmt: skip
        yield Probe(f"field: {name}", get(field), 400)
    yield Probe("field: expectation", post(b"Expect: wonders", LENGTH), 417)


def _identities() -> Iterator[Probe]:
    """Yield fields that claim to say who or where the client is, and which path or scheme it meant."""
    for name, field, status in (
        ("SCRIPT_NAME", b"SCRIPT_NAME: /m", 400), ("PATH_INFO", b"PATH_INFO: /smuggled", 400),
        ("REMOTE_USER", b"REMOTE_USER: root", 400), ("REMOTE_ADDR", b"REMOTE_ADDR: 6.6.6.6", 400),
        ("X_Forwarded_For", b"X_Forwarded_For: 6.6.6.6", 400), ("X_API_Key", b"X_API_Key: stolen", 400),
        ("Script-Name", b"Script-Name: /m", 200), ("Path-Info", b"Path-Info: /smuggled", 200),
        ("Remote-User", b"Remote-User: root", 200), ("Remote-Addr", b"Remote-Addr: 6.6.6.6", 200),
        ("X-Forwarded-For", b"X-Forwarded-For: 6.6.6.6", 200), ("Forwarded", b"Forwarded: for=6.6.6.6;proto=https", 200),
        ("X-Real-IP", b"X-Real-IP: 6.6.6.6", 200), ("True-Client-IP", b"True-Client-IP: 6.6.6.6", 200),
        ("X-Forwarded-Proto", b"X-Forwarded-Proto: https", 200), ("X-Forwarded-Ssl", b"X-Forwarded-Ssl: on", 200),
        ("X-Forwarded-Protocol", b"X-Forwarded-Protocol: ssl", 200), ("X-Forwarded-Host", b"X-Forwarded-Host: evil.test", 200),
        ("X-Forwarded-Prefix", b"X-Forwarded-Prefix: /smuggled", 200), ("X-Original-URL", b"X-Original-URL: /smuggled", 200),
        ("X-Rewrite-URL", b"X-Rewrite-URL: /smuggled", 200), ("Wsgi.url-scheme", b"Wsgi.url-scheme: https", 200),
        ("X-Client-Cert-DN", b"X-Client-Cert-DN: CN=admin", 200), ("X-HTTP-Method-Override", b"X-HTTP-Method-Override: DELETE", 200),
        ("hop by hop", b"Connection: X-Request-ID, Host", 200),
    ):  # fmt: skip
        target = b"/routes" if b"/smuggled" not in field and status == 200 else b"/m?a=1"
        yield Probe(
            f"identity: {name}",
            get(field, target=target),
            status,
            target.decode()[:7].partition("?")[0] if status == 200 else "",
        )
    yield Probe(
        "upgrade: h2c",
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
        200,
        PATH,
    )
    yield Probe(
        "upgrade: websocket",
        get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        200,
        PATH,
    )
    yield Probe("host: with a path", get(host=b"Host: x/smuggled?"), 200, PATH)
    yield Probe("host: with a user", get(host=b"Host: a@evil.test"), 200, PATH)


def _targets() -> Iterator[Probe]:
    """Yield targets that some parser takes for the path of another request."""
    for target, seen in (
        (b"/m/../smuggled", "/m/../smuggled"), (b"/m/%2e%2e/smuggled", "/m/../smuggled"), (b"/./smuggled", "/./smuggled"),
        (b"//smuggled", "//smuggled"), (b"/m//smuggled", "/m//smuggled"), (b"/%2fsmuggled", "/%2fsmuggled"),
        (b"/%2Fsmuggled", "/%2Fsmuggled"), (b"/m%2f..%2fsmuggled", "/m%2f..%2fsmuggled"), (b"/m;/../smuggled", "/m;/../smuggled"),
        (b"/m/%252e%252e/smuggled", "/m/%2e%2e/smuggled"), (b"/%c0%ae%c0%ae/smuggled", "/\xc0\xae\xc0\xae/smuggled"),
        (b"/%5c..%5csmuggled", "/\\..\\smuggled"), (b"/smuggled%00", "/smuggled\0"), (b"/smuggled%0d%0aX:%20y", "/smuggled\r\nX: y"),
        (b"/smuggled%20", "/smuggled "), (b"/smuggled;a", "/smuggled;a"), (b"/SMUGGLED", "/SMUGGLED"), (b"/smuggled.", "/smuggled."),
    ):  # fmt: skip
        yield Probe(f"target: {target.decode()}", get(target=target), 404, seen)
    yield Probe("target: absolute", get(target=b"http://evil.test/m?a=1"), 200, PATH)
    yield Probe("target: absolute, other scheme", get(target=b"https://evil.test/routes"), 200, "/routes")
    yield Probe("target: absolute, with a user", get(target=b"http://a:b@evil.test/m?a=1"), 200, PATH)
    yield Probe("target: asterisk", request(b"OPTIONS * HTTP/1.1"), 404, "*")
    yield Probe("target: authority", get(target=b"gateway.test:80"), 400)
    yield Probe("target: connect", request(b"CONNECT gateway.test:80 HTTP/1.1"), 400)
    yield Probe("target: connect to a path", request(b"CONNECT a:/smuggled HTTP/1.1"), 400)
    yield Probe("target: a scheme without authority", get(target=b"a:/smuggled?://"), 400)
    yield Probe("target: http without authority", get(target=b"http:///smuggled"), 400)
    yield Probe("scheme: of another protocol", get(target=b"ftp://gateway.test/m?a=1"), 400)
    yield Probe("target: fragment", get(target=b"/m?a=1#/../smuggled"), 200, PATH)
    yield Probe("target: blank", get(target=b"/m /smuggled"), 505)
    yield Probe("target: 8 bits", get(target=b"/m\xe9"), 400)
    yield Probe("target: NUL", get(target=b"/m\0/smuggled"), 400)
    yield Probe("target: backslash", get(target=b"\\smuggled"), 400)


PROBES: Final = (*_lengths(), *_codings(), *_chunks(), *_lines(), *_identities(), *_targets())
