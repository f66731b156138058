"""Principals: the caller of a request, and what the caller may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gateway.security.scopes import EVERYTHING, PREDICT, PREDICT_ALL

Kind = Literal["anonymous", "key", "jwt"]


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Name the caller of a request.

    `id` is stable and public: logs, metrics and limits may show it; `name` is for people. `limits` are those that stand
    beside the key, as they were written.
    """

    id: str
    kind: Kind
    scopes: frozenset[str]
    name: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def may(self, scope: str) -> bool:
        """Say whether a scope is covered: by itself, by `predict:*`, or by `*`."""
        scopes = self.scopes
        return scope in scopes or EVERYTHING in scopes or (PREDICT_ALL in scopes and scope.startswith(PREDICT))


#: Everybody who calls a gateway without keys, and callers of what is public.
ANONYMOUS: Final = Principal("anonymous", "anonymous", frozenset((EVERYTHING,)))
