"""
What gunicorn's parser refuses before Flask sees a request, in our words: a status, a code and a way out for each.

Knows the parser's exceptions, no connection.
"""

from typing import Final

from gunicorn.http import errors as http

from gateway.rest.errors import RequestError
from gateway.validation.faults import printable

#: A body that is not chunked as it should be.
_CHUNK_ERRORS: Final = (http.InvalidChunkSize, http.ChunkMissingTerminator, http.InvalidChunkExtension)
#: How a TLS handshake and the preface of HTTP/2 begin.
_TLS, _HTTP2 = "\x16\x03", "PRI * HTTP/2"
_HINTS: Final = {
    "CONTENT-LENGTH": "one whole number of bytes, and none beside Transfer-Encoding",
    "TRANSFER-ENCODING": "send Content-Length or Transfer-Encoding: chunked",
    "HOST": "send one Host",
}
#: What gunicorn says where a line ends wrongly.
_BARE_LF: Final = "bare LF as line terminator"


def refusal(error: BaseException) -> RequestError | None:
    """Return the answer to a request that is not HTTP as it should be; None for an error that is not the client's."""
    if isinstance(error, _CHUNK_ERRORS):
        return RequestError(
            f"the body is not chunked as HTTP says: {_chunk(error)}", code="bad-chunks", hint="send Content-Length"
        )
    if isinstance(error, http.LimitRequestLine):
        return RequestError(
            "the request line (method, path and query) is longer than 8190 bytes",
            code="request-line-too-long",
            hint="send the values as a form or as JSON, in the body of a POST",
        )
    if isinstance(error, http.LimitRequestHeaders):
        return RequestError(
            "there are more than 100 header fields, one is longer than 8190 bytes, or all together than 64 KiB",
            code="headers-too-large",
            hint="send fewer or shorter header fields; values belong into the body",
        )
    if isinstance(error, http.InvalidHTTPVersion):
        return RequestError("the version of HTTP is not 1.0 or 1.1", code="http-version", hint="send HTTP/1.1")
    if isinstance(error, http.UnsupportedTransferCoding):
        return RequestError(
            f"the transfer coding {_shown(error.hdr)} is not offered",
            code="transfer-coding",
            hint="send Content-Length or Transfer-Encoding: chunked; Content-Encoding: gzip compresses",
        )
    if isinstance(error, http.ExpectationFailed):
        return RequestError(
            f"the expectation {_shown(error.expect)} cannot be met",
            code="expectation",
            hint="leave Expect out, or send Expect: 100-continue",
        )
    return _head(error) if isinstance(error, http.ParseException) else None


def body_cut(hint: str) -> RequestError:
    """Return the 400 for a body whose end never came."""
    return RequestError("the body ended early", code="body-cut", hint=hint)


def _head(error: http.ParseException) -> RequestError:
    """Return the answer to a first line or a header field that cannot be read."""
    if isinstance(error, http.InvalidRequestMethod):
        return RequestError(
            f"{_shown(error.method)} is no HTTP method",
            code="bad-request-line",
            hint="methods are written in capitals: GET, POST",
        )
    if str(getattr(error, "hdr", getattr(error, "req", ""))) == _BARE_LF:
        return RequestError("a line of the head ends in LF alone", code="bad-request-line", hint="end lines in CR LF")
    if isinstance(error, http.InvalidHeaderName | http.InvalidHeader | http.ObsoleteFolding):
        return RequestError(
            f"the header field {_shown(error.hdr)} cannot be read",
            code="bad-header",
            hint=_HINTS.get(
                str(error.hdr), "Name: value, each once and on one line; names have hyphens, no underscores"
            ),
        )
    if isinstance(error, http.InvalidRequestLine):
        line = str(error.req)
        hint = "send METHOD /path HTTP/1.1, lines ending in CR LF, the path percent-encoded"
        if line.startswith(_TLS):
            hint = "this port speaks HTTP without TLS: use http:// instead of https://"
        elif line.startswith(_HTTP2):
            hint = "this port speaks HTTP/1.1, not HTTP/2"
        return RequestError(
            f"the first line of the request cannot be read: {_shown(line)}", code="bad-request-line", hint=hint
        )
    return RequestError("the head of the request cannot be read", code="bad-request", hint="send HTTP/1.1")


def _chunk(error: http.ParseException) -> str:
    if isinstance(error, http.InvalidChunkSize):
        return f"{_shown(error.data)} is no size of a chunk (hexadecimal digits)"
    if isinstance(error, http.ChunkMissingTerminator):
        return f"{_shown(error.term)} stands where a chunk should end in CR LF"
    return "a chunk extension cannot be read"


def _shown(text: object) -> str:
    """Return what was sent in quotes, short and printable."""
    given = bytes(text).decode("latin-1") if isinstance(text, bytes | bytearray) else str(text)
    return "'" + "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in printable(given, 60)) + "'"
