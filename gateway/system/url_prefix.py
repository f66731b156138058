"""Prefixes of URL paths: the part that a reverse proxy puts before the paths of this gateway, such as /ml."""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

#: Characters of a prefix; longer ones are no prefix of a proxy.
MAX_LENGTH: Final = 200
_PREFIX: Final = re.compile(r"(?:/(?:[A-Za-z0-9._~@+-]|%[0-9A-Fa-f]{2})+)+")
_SAFE: Final = "/~@+"


def parse_prefix(text: str) -> str:
    """
    Return a prefix in one spelling: percent-encoded, without a slash at its end, empty for the root.

    Raises ValueError for everything else, so that a prefix can stand in a link, a header or a page: other signs, `//`,
    `.` and `..` as a part, encoded signs that are neither letters nor digits.
    """
    if text in ("", "/"):
        return ""
    path = text.removesuffix("/")
    if len(path) > MAX_LENGTH or not _PREFIX.fullmatch(path):
        raise ValueError(text)
    raw = unquote_to_bytes(path)
    decoded = raw.decode()
    if decoded.count("/") != path.count("/") or {".", ".."} & set(decoded.split("/")):
        raise ValueError(text)
    if not all(one.isalnum() or one in "/._~@+- " for one in decoded):
        raise ValueError(text)
    return quote(raw, safe=_SAFE)


def decoded_prefix(prefix: str) -> str:
    """Return a parsed prefix as WSGI has paths: decoded, each byte as a character."""
    return unquote_to_bytes(prefix).decode("latin-1")


def encoded_prefix(script_name: str) -> str:
    """Return the prefix in a WSGI environ as it stands in a URL."""
    return quote(script_name.encode("latin-1"), safe=_SAFE) if script_name else ""
