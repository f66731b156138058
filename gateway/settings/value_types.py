"""Parser of one setting: its expected value, and the conversion of its text. Knows no environment."""

import dataclasses
import ipaddress
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin

from gateway.system.url_prefix import parse_prefix

PREFIX = "GATEWAY_"

#: An address to listen on, an address or network that is trusted, a prefix of URL paths: texts of a form.
Listener = NewType("Listener", str)
#: The same for operators, who need not have one of their own.
AdminListener = NewType("AdminListener", str)
Peer = NewType("Peer", str)
UrlPrefix = NewType("UrlPrefix", str)
#: Its text is never refused, because a refusal would show the password in it.
StoreAddress = NewType("StoreAddress", str)
NO_PREFIX: Final = UrlPrefix("")
#: The peer that trusts whoever may open a Unix socket of this gateway.
UNIX_PEER: Final = "unix"

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MAX_PORT = 65535


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """Describe one setting for the help, the docs and the parser."""

    name: str
    type: Any
    default: str
    help: str
    minimum: float | None

    @property
    def variable(self) -> str:
        """Return the name of its environment variable."""
        return PREFIX + self.name.upper()

    @property
    def is_path(self) -> bool:
        """Return whether the value names a file or folder."""
        return _base(self.type)[0] is Path

    @property
    def expected(self) -> str:
        """Return a description of valid values."""
        base, optional = _base(self.type)
        if get_origin(base) is Literal:
            return "one of " + ", ".join(get_args(base))
        words = {int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
        text = words.get(base) or _EXPECTED[_item(base)]
        text += "" if self.minimum is None else f" of at least {self.minimum:g}"
        return text + (" or nothing" if optional else "")

    def parse(self, text: str) -> Any:
        """Return the parsed value of a text; raises ValueError with the expected value."""
        base, optional = _base(self.type)
        text = text.strip()
        if optional and not text:
            return None
        try:
            value = _convert(base, text)
        except (ValueError, KeyError):
            raise ValueError(self.expected) from None
        if self.minimum is not None and not value >= self.minimum:
            raise ValueError(self.expected)
        return value


def text_of(value: Any) -> str:
    """Return the text that `parse` turns into this value."""
    if isinstance(value, tuple):
        return ",".join(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _base(hint: Any) -> tuple[Any, bool]:
    """Return a type without None, and whether it included None."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None)), True
    return hint, False


def _convert(base: Any, text: str) -> Any:
    if base is bool:
        return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[text.lower()]
    if get_origin(base) is Literal:
        return {word: word for word in get_args(base)}[text.lower()]
    if get_origin(base) is tuple:
        parts = [] if base in _MAY_BE_EMPTY and not text else text.split(",")
        return tuple(_PARSERS[_item(base)](part.strip()) for part in parts)
    if base in _PARSERS:
        return _PARSERS[base](text)
    if not text:
        raise ValueError
    value = base(text)
    if base is float and value in (float("inf"), float("-inf")):
        raise ValueError
    return value


def _item(base: Any) -> Any:
    """Return the type of one value of a list, or the type itself."""
    return get_args(base)[0] if get_origin(base) is tuple else base


def _listener(text: str) -> str:
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in host and bare == host) or not 0 <= int(port) <= _MAX_PORT:
        raise ValueError
    return text


def _peer(text: str) -> str:
    """Return an address or network in one spelling; raises ValueError, also for a network with bits beyond its mask."""
    return UNIX_PEER if text == UNIX_PEER else str(ipaddress.ip_network(text))


_PARSERS: Final[dict[Any, Callable[[str], str]]] = {
    Listener: _listener,
    AdminListener: _listener,
    Peer: _peer,
    UrlPrefix: parse_prefix,
    StoreAddress: str,
}
_ADDRESSES: Final = "host:port, [v6]:port or unix:path, with commas between"
_EXPECTED: Final[dict[Any, str]] = {
    Listener: _ADDRESSES,
    AdminListener: _ADDRESSES,
    Peer: "addresses or networks (10.0.0.0/8, ::1) or unix, with commas between",
    UrlPrefix: "a path such as /ml, of letters, digits and . _ ~ @ + -, others percent-encoded",
    StoreAddress: "the address of an MLflow store",
}
_MAY_BE_EMPTY: Final = (tuple[Peer, ...], tuple[AdminListener, ...])
