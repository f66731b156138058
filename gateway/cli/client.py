"""HTTP client of a gateway that runs on this machine: its address, catalog and health. Standard library only."""

import http.client
import json
import shlex
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.settings.settings import Settings
from gateway.system.unix_http import UnixConnection

_UNIX: Final = "unix:"
_FOUND: Final = 200


@dataclass(frozen=True, slots=True)
class Client:
    """Send requests to the gateway at one address (`host:port` or `unix:/path`)."""

    address: str
    timeout_s: float = 5.0
    #: GATEWAY_ROOT_PATH of the gateway; it answers with and without it.
    root_path: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Client":
        """Return a client for the first address that the settings bind."""
        return cls(settings.bind[0], root_path=settings.root_path)

    @classmethod
    def of_operators(cls, settings: Settings) -> "Client":
        """Return a client for /health, /routes and /metrics: they may have a listener of their own."""
        return cls((*settings.admin_bind, *settings.bind)[0], root_path=settings.root_path)

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
        """Return the curl command that reaches `url` from a shell, with the option that a Unix socket needs."""
        if self.address.startswith(_UNIX):
            return f"curl --unix-socket {shlex.quote(self.address.removeprefix(_UNIX))}"
        return "curl"

    @property
    def has_pages(self) -> bool:
        """Return whether a browser can open the console at `url`."""
        return not self.address.startswith(_UNIX) and self.fetch("GET", "/console")[0] == _FOUND

    def get(self, path: str) -> Any:
        """Return the decoded JSON of GET `path`; raises GatewayError "unreachable" if no gateway answers."""
        try:
            return json.loads(self.fetch("GET", path)[1])
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
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
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
