"""HTTP client of a gateway that runs on this machine: its address, catalog and health."""

import http.client
import json
import shlex
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.rest.describe.sample_request import WITH_KEY
from gateway.security import key_text
from gateway.settings.settings import Settings
from gateway.system.unix_http import UnixConnection

_UNIX: Final = "unix:"
_FOUND: Final = 200
_REFUSED: Final = {401: "unauthorised", 403: "forbidden"}
_TOO_OFTEN: Final = 429
_KEY_HINT: Final = (
    "a key of scope `*` in a file does: gateway key create ops --scope '*' --out ops.key, then GATEWAY_KEY_FILE=ops.key"
)
_WAIT_HINT: Final = (
    "wait and repeat the command; `limits: {}` beside its key in keys.yaml, or a larger `server.limits`, helps"
)


@dataclass(frozen=True, slots=True)
class Client:
    """Send requests to the gateway at one address (`host:port` or `unix:/path`)."""

    address: str
    timeout_s: float = 5.0
    #: GATEWAY_ROOT_PATH of the gateway; it answers with and without it.
    root_path: str = ""
    #: What the gateway asks callers for, "" where it asks for none.
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Client":
        """Return a client for the first address that the settings bind, with the key of GATEWAY_KEY_FILE."""
        return cls(settings.bind[0], root_path=settings.root_path, key=_key(settings))

    @classmethod
    def of_operators(cls, settings: Settings) -> "Client":
        """Return a client for /health, /routes and /metrics: they may have a listener of their own."""
        return cls((*settings.admin_bind, *settings.bind)[0], root_path=settings.root_path, key=_key(settings))

    @property
    def url(self) -> str:
        """Return the URL as a person types it."""
        if self.address.startswith(_UNIX):
            return f"http://localhost{self.root_path}"
        host, _, port = self.address.rpartition(":")
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "[::]", "[::1]") else host  # noqa: S104 - only shown
        return f"http://{shown}:{port}{self.root_path}"

    @property
    def curl(self) -> str:
        """Return the curl command that reaches `url` from a shell, with the options for a Unix socket and for a key."""
        socket = self.address.removeprefix(_UNIX) if self.address.startswith(_UNIX) else ""
        return "curl" + (f" --unix-socket {shlex.quote(socket)}" if socket else "") + (WITH_KEY if self.key else "")

    @property
    def has_pages(self) -> bool:
        """Return whether a browser can open the console at `url`."""
        return not self.address.startswith(_UNIX) and self.fetch("GET", "/console")[0] == _FOUND

    def get(self, path: str) -> Any:
        """
        Return the decoded JSON of GET `path`.

        Raises GatewayError "unreachable" if no gateway answers, "unauthorised" or "forbidden" if it wants another key,
        "rate-limited" if it was asked too often.
        """
        status, body = self.fetch("GET", path)
        try:
            told = json.loads(body)
            if status in _REFUSED:
                raise GatewayError(f"{told['detail']} (GET {path})", code=_REFUSED[status], hint=_KEY_HINT)
            if status == _TOO_OFTEN:
                raise GatewayError(f"{told['detail']} (GET {path})", code="rate-limited", hint=_WAIT_HINT)
            return told
        except ValueError as error:
            raise GatewayError(
                f"what answers on {self.address} is no gateway",
                code="unreachable",
                hint="set GATEWAY_BIND to its address",
            ) from error

    def fetch(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        """Return status and body of the answer to one request."""
        connection = self._connection()
        try:
            key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
            connection.request(method, path, body, key | ({"Content-Type": kind} if kind else {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError(
                f"no gateway answers on {self.address}: {error}",
                code="unreachable",
                hint="start it with `gateway serve`, or under PM2 with `make run` in the gateway's folder",
            ) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.startswith(_UNIX):
            return UnixConnection(self.address.removeprefix(_UNIX), self.timeout_s)
        host, _, port = self.address.rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - where to connect
        return http.client.HTTPConnection(host, int(port), timeout=self.timeout_s)


def _key(settings: Settings) -> str:
    return "" if settings.key_file is None else key_text.read(settings.key_file)
