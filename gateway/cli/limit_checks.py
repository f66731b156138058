"""What `gateway doctor` finds out of the limits of callers: which are configured, and whether others need none."""

from collections.abc import Iterator
from typing import Final

from gateway.cli.diagnosis import Diagnosis
from gateway.errors import GatewayError
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings

_OF_ROUTES: Final = "under `defaults`: limits: {requests: 100/s}"
_BESIDE_ROUTES: Final = "under `server`: limits: {requests: 20/s, burst: 200}"


def limit_checks(settings: Settings, *, is_wide: bool) -> Iterator[Diagnosis]:
    """Tell which limits callers have; without any, a gateway that other machines reach gets a note."""
    try:
        registry = load_registry(settings.registry)
    except GatewayError:  # told by another check
        return
    limited = [route.path for route in registry.routes if route.limits.limits()]
    beside = registry.server.limits.limits()
    routes = f"{len(limited)} of {len(registry.routes)} routes limit what one caller may have" if limited else ""
    text = f"limits: {routes or 'no route has any'}; what is no route: {beside or 'none'}"
    missing = [line for line, is_there in ((_OF_ROUTES, limited), (_BESIDE_ROUTES, beside)) if not is_there]
    if is_wide and missing:
        yield Diagnosis(
            True, f"{text}; and other machines reach it", f"in {settings.registry.name} {'; '.join(missing)}", True
        )
    else:
        yield Diagnosis(True, text)
