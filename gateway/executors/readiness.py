"""
Ask a server of ours whether it, or a model of it, is ready: by a round trip over its Unix socket.

Connecting proves nothing: the kernel accepts for a process that has been stopped.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from gateway.system.unix_http import UnixConnection

#: An answer after this time is none; the next question follows.
TIMEOUT_S: Final = 5.0
_READY: Final = 200
_MOST_BYTES: Final = 64 * 1024
#: Codes of faults of the servers that we write, which do not go away; and the one which does.
_OURS: Final = ("child-", "ray-")
_LOADING: Final = "child-loading"


class Answer(NamedTuple):
    """Hold an answer: ready, or the reason why not, and whether it never will be."""

    is_ready: bool
    reason: str = ""
    is_final: bool = False


class Readiness:
    """Ask one server, or for a `model` of it, on a connection that is kept; used by one thread."""

    def __init__(self, socket: Callable[[], str], model: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._socket = socket
        self._path = f"/v2/models/{quote(model, safe='')}/ready" if model else "/v2/health/ready"
        self._timeout_s = timeout_s
        self._http: UnixConnection | None = None

    def ask(self) -> Answer | None:
        """Return the answer; None where there is none."""
        try:
            # The path is asked anew for each connection: the socket moves when its server becomes ready.
            self._http = self._http or UnixConnection(self._socket(), self._timeout_s)
            self._http.request("GET", self._path)
            found = self._http.getresponse()
            status, body = found.status, found.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        return Answer(is_ready=True) if status == _READY else _refusal(body)

    def close(self) -> None:
        """Close the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None


def _refusal(body: bytes) -> Answer:
    said: Any = None
    with suppress(ValueError):
        said = json.loads(body)
    if not isinstance(said, Mapping):
        return Answer(is_ready=False)
    code = str(said.get("code", ""))
    is_final = code.startswith(_OURS) and code != _LOADING
    return Answer(is_ready=False, reason=str(said.get("error", "")), is_final=is_final)
