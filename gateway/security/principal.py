"""Principals: the caller of a request, and what the caller may do."""

from dataclasses import dataclass
from typing import Final, Literal

from gateway.security.limits import CallerLimits
from gateway.security.scopes import EVERYTHING, PREDICT, PREDICT_ALL

Kind = Literal["anonymous", "key", "jwt"]


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Name the caller of a request.

    `id` is stable and public: logs, metrics and limits may show it; `name` is for people. `limits` take the place of
    those of every route; None leaves the routes their own.
    """

    id: str
    kind: Kind
    scopes: frozenset[str]
    name: str = ""
    limits: CallerLimits | None = None

    def may(self, scope: str) -> bool:
        """Say whether a scope is covered: by itself, by `predict:*`, or by `*`."""
        scopes = self.scopes
        return scope in scopes or EVERYTHING in scopes or (PREDICT_ALL in scopes and scope.startswith(PREDICT))


#: Everybody who calls a gateway without keys, and callers of what is public.
ANONYMOUS: Final = Principal("anonymous", "anonymous", frozenset((EVERYTHING,)))
