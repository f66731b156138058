"""
Build the sample request of a route: a curl command to paste, and the request that it sends.

Both are made from the same text, so a check of one checks the other. Knows no model and no HTTP server.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from gateway.codecs.json import encode
from gateway.schema import Scalar

JSON_TYPE: Final = "application/json"
#: What a printed curl command has where callers need a key: nobody's key, but the variable that holds it.
WITH_KEY: Final = ' -H "Authorization: Bearer $GATEWAY_KEY"'
#: Number of fields up to which a GET with parameters is shown; more are easier to read as JSON.
MAX_QUERY_FIELDS: Final = 5
#: A longer JSON text is fetched into a file: it is unreadable in a terminal, and the kernel accepts 128 KiB at most.
MAX_SHOWN_CHARACTERS: Final = 2_000
#: Names that need no encoding in a query; `--data-urlencode` would send others unencoded.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.~-]+")


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Hold one instance for one route: its path, its name, a value for each field."""

    path: str
    name: str
    values: Mapping[str, Scalar]

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self._is_query else "POST"

    @property
    def target(self) -> str:
        """Return the path with its query."""
        query = "&".join(f"{name}={quote(_text(value), safe='')}" for name, value in self._pairs)
        return f"{self.path}?{query}" if query else self.path

    @property
    def body(self) -> bytes | None:
        """Return the JSON body, None for a GET."""
        return None if self._is_query else self.json.encode()

    @property
    def json(self) -> str:
        """Return the values as JSON that is safe in a terminal: unprintable characters are escaped."""
        return "".join(one if one.isprintable() else _escaped(one) for one in encode(self.values).decode())

    def command(self, base_url: str, curl: str = "curl") -> str:
        """Return the command line; `curl` is the program with the options that it needs to reach `base_url`."""
        url = shlex.quote(base_url + self.path)
        if self._is_query:
            pairs = "".join(f" --data-urlencode {shlex.quote(f'{name}={_text(one)}')}" for name, one in self._pairs)
            return f"{curl} -G {url}{pairs}" if pairs else f"{curl} {url}"
        post = f"{curl} {url} -H 'Content-Type: {JSON_TYPE}' -d "
        if len(self.json) <= MAX_SHOWN_CHARACTERS:
            return post + shlex.quote(self.json)
        file = f"{self.name}.sample.json"
        return f"{curl} -sSf {shlex.quote(f'{base_url}{self.path}/schema?sample')} -o {file} && {post}@{file}"

    @property
    def _is_query(self) -> bool:
        if len(self.values) > MAX_QUERY_FIELDS:
            return False
        # In a text a point may separate thousands (`reading` of the route); in JSON a number is a number.
        if any(isinstance(one, float) for one in self.values.values()):
            return False
        return all(_PLAIN_NAME.fullmatch(name) and _is_one_line(_text(one)) for name, one in self.values.items())

    @property
    def _pairs(self) -> list[tuple[str, Scalar]]:
        return list(self.values.items()) if self._is_query else []


def _is_one_line(text: str) -> bool:
    """
    Return whether a text is the same in a query as in JSON, is printable, and is not an empty text that would count as
    absent.
    """
    return bool(text) and text == text.strip() and text.isprintable() and len(text) <= MAX_SHOWN_CHARACTERS


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(character: str) -> str:
    """Return the JSON escape of a character: two UTF-16 units beyond the first plane."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
