"""
Ask a model server whether it is ready, by a round trip.

Connecting proves nothing: the kernel accepts for a process that has been stopped.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from gateway.system.unix_http import UnixConnection

#: An answer after this time is none; the next question follows.
TIMEOUT_S: Final = 5.0
_READY: Final = 200
_MOST_BYTES: Final = 64 * 1024
#: Codes of faults of the servers that we write, which do not go away; and the one which does.
_OURS, _LOADING = "child-", "child-loading"


class Answer(NamedTuple):
    """Hold an answer: ready, or the reason why not, and whether it never will be."""

    is_ready: bool
    reason: str = ""
    is_final: bool = False


class Readiness:
    """Ask one server, on a connection that is kept; used by one thread."""

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._http: UnixConnection | None = None

    def ask(self) -> Answer | None:
        """Return the answer; None where there is none."""
        try:
            # The path is asked anew for each connection: the socket moves when its server becomes ready.
            self._http = self._http or UnixConnection(self._path(), TIMEOUT_S)
            self._http.request("GET", "/v2/health/ready")
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
