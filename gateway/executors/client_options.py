"""How a kind of executor asks its servers: what its client is made with."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.executors.header_file import HeaderFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """
    Say how servers are asked.

    `binary` sends raw tensors, with `texts_as_json` of numbers only. `max_rows` is what a request takes (0: any
    number); a larger batch goes in parts. `headers` go with every request and are never logged. `waits_when_busy`: a
    503 counts as not sent, as a child of ours means it. `is_supervised`: the arbiter starts the server again when it
    ends, so that one which is absent or loads its model raises StartingError at once, for the caller to wait without
    holding a thread. `what` names the server in errors, without its address. `check` gets the metadata of a server
    before its first request, and again after it failed; raises LoadError where it does not fit.
    """

    binary: bool = True
    max_rows: int = 0
    texts_as_json: bool = False
    headers: HeaderFile | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    waits_when_busy: bool = False
    is_supervised: bool = False
    what: str = "the server of this model"
    check: Callable[[Mapping[str, Any]], None] | None = None
