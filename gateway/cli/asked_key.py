"""The key that a command line asks for: its name, its times, its scopes; each fault with what was likely meant."""

import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.cli.command import display_path, print_note
from gateway.cli.moments import whole_seconds
from gateway.errors import GatewayError
from gateway.registry.load import load_registry
from gateway.security.scopes import CATALOG, EXPECTED, METRICS, PREDICT, PREDICT_ALL, is_scope
from gateway.settings.settings import Settings
from gateway.system.suggest import did_you_mean, nearest
from gateway.validation.faults import visible

_MOST_NAME: Final = 100


def must_be_name(name: str) -> None:
    """Raise GatewayError for a name that a list, a log or a terminal could not show in a line."""
    if not name.isprintable() or len(name) > _MOST_NAME:
        what = f"more than {_MOST_NAME} characters" if name.isprintable() else "characters that cannot be printed"
        raise GatewayError(
            f"the name {visible(name)} has {what}",
            code="key-name",
            hint=f"say whose it is in one line of at most {_MOST_NAME} characters",
        )


def must_end_later(expires: datetime | None, not_before: datetime | None) -> None:
    """Raise GatewayError for a key that would never count."""
    begins = max(now(), not_before or now())
    if expires is not None and expires <= begins:
        later = f"{begins + timedelta(days=30):%Y-%m-%d}" if begins > now() else "30d"
        raise GatewayError(
            f"the key would expire ({whole_seconds(expires)}) before it counts ({whole_seconds(begins)})",
            code="expires",
            hint=f"name a later moment: --expires {later}",
        )


def checked_scopes(settings: Settings, scopes: Sequence[str]) -> list[str]:
    """Return the scopes, those of an alias by the path of its route; warn of routes that the registry does not have."""
    for scope in scopes:
        if not is_scope(scope):
            raise GatewayError(
                f"{scope!r} is no scope: expected {EXPECTED}", code="scope", hint=f"--scope {_repaired(scope)}"
            )
    try:
        routes = load_registry(settings.registry).routes
    except GatewayError:
        return list(dict.fromkeys(scopes))
    own = {path: route.path for route in routes for path in (route.path, *route.aliases)}
    for scope in scopes:
        path = scope.removeprefix(PREDICT)
        if path.startswith("/") and path not in own:
            guess = "give each scope a --scope of its own" if "," in path else did_you_mean(path, own)
            tell(f"warning: {display_path(settings.registry)} has no route {path}" + (f"; {guess}" if guess else ""))
    paths = ((one, one.removeprefix(PREDICT)) for one in scopes)
    return list(dict.fromkeys(PREDICT + own[path] if path in own else one for one, path in paths))


def _repaired(scope: str) -> str:
    """Return what a text that is no scope is likely to stand for."""
    parts = [one for one in re.split(r"[\s,;]+", scope) if one]
    if len(parts) > 1 and all(map(is_scope, parts)):
        return " --scope ".join(map(shlex.quote, parts))
    path = scope.strip().removeprefix(PREDICT).strip("/ ")
    tried = (scope.strip().lower(), PREDICT + ("*" if path in ("", "*", "predict") else f"/{path}"))
    likely = nearest(scope, (CATALOG, METRICS)) or next((one for one in tried if is_scope(one)), PREDICT_ALL)
    return shlex.quote(likely)


def now() -> datetime:
    """Return this second."""
    return datetime.now(UTC).replace(microsecond=0)


def tell(text: str) -> None:
    """Write a line that is no result to standard error."""
    print_note(text)
