"""
The two doors of a gateway with GATEWAY_ADMIN_BIND: on the public one, what is for operators is not there.

Which door a request came through says the socket that accepted its connection (process/listeners.py).
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import current_app

#: Key of the environ of every request that came through a listener of GATEWAY_ADMIN_BIND.
OPERATORS: Final = "gateway.is_operator"
#: Key of an app's configuration: whether it has /metrics, /health, /routes, /openapi.json and /docs.
_HAS_OPERATIONS: Final = "gateway.has_operations"

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Doors:
    """Give each request to the app of its door."""

    __slots__ = ("_operators", "_public")

    def __init__(self, public: App, operators: App) -> None:
        self._public = public
        self._operators = operators

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        app = self._operators if OPERATORS in environ else self._public
        return app(environ, start_response)


def configure(config: dict[str, Any], *, has_operations: bool) -> None:
    """Record in the configuration of an app what is mounted in it."""
    config[_HAS_OPERATIONS] = has_operations


def has_operations() -> bool:
    """Say whether the app of the current request has the endpoints for operators."""
    return bool(current_app.config.get(_HAS_OPERATIONS, True))
