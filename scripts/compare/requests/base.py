"""One request: the bytes that are sent, to which server, and how. Knows how HTTP is written, no route."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """
    Hold one request.

    With `alone` it goes over a connection of its own, where `count` answers are expected; `ends` closes the sending
    side after it. `first` is sent on another connection shortly before and keeps its route busy.
    """

    server: str
    name: str
    pieces: tuple[bytes, ...]
    alone: bool = False
    count: int = 1
    ends: bool = False
    first: bytes = b""

    @property
    def is_head(self) -> bool:
        """Say whether the answer has no body, whatever its headers say."""
        return self.pieces[0].startswith(b"HEAD ")


def raw(line: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a request whose first line begins with `line`, as in "GET /path"."""
    given = dict(headers or {})
    if body is not None:
        given.setdefault("Content-Length", str(len(body)))
    lines = [f"{line} HTTP/1.1", "Host: gateway.test", *(f"{name}: {given[name]}" for name in given)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def http(
    server: str, name: str, line: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Request:
    """Return an ordinary request; `line` is method and target."""
    return Request(server, name, (raw(line, body, headers),))


def get(server: str, name: str, target: str, **headers: str) -> Request:
    """Return a GET; an underscore in the name of a header stands for a hyphen."""
    return http(server, name, f"GET {target}", None, {key.replace("_", "-"): value for key, value in headers.items()})


def post(server: str, name: str, path: str, body: bytes | Any, kind: str = JSON, **headers: str) -> Request:
    """Return a POST; what is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {key.replace("_", "-"): value for key, value in headers.items()}
    return http(server, name, f"POST {path}", data, {"Content-Type": kind, **more} if kind else more)


def query(path: str, fields: Sequence[tuple[str, Any]]) -> str:
    """Return a target with a query string."""
    return f"{quote(path)}?{urlencode([(name, text(value)) for name, value in fields])}" if fields else quote(path)


def text(value: Any) -> str:
    """Return a value as a query, a form or a cell holds it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def multipart(parts: Sequence[tuple[str, str, str, bytes]]) -> tuple[bytes, str]:
    """Return body and content type of (field, file name, type, content)."""
    body = b""
    for field, file, kind, content in parts:
        disposition = f'Content-Disposition: form-data; name="{field}"' + (f'; filename="{file}"' if file else "")
        body += f"--edge\r\n{disposition}\r\n".encode() + (f"Content-Type: {kind}\r\n".encode() if kind else b"")
        body += b"\r\n" + content + b"\r\n"
    return body + b"--edge--\r\n", "multipart/form-data; boundary=edge"
