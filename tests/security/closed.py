"""Gateways that ask for keys. States no law of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import serving
from gateway.security import key_changes
from serving import Gateway


def add_key(server: Gateway, *scopes: str) -> str:
    """Make a key of a gateway and return its text."""
    return key_changes.create(server.home / "keys.yaml", scopes, datetime.now(UTC)).text


@contextmanager
def closed(folder: Path, cache: Path, registry: str | Path, **settings: Any) -> Iterator[Gateway]:
    """Serve a registry to callers with keys; the requests of the gateway that is returned hold one for everything."""
    server = serving.make(folder, cache, registry, **settings)
    server.key = add_key(server, "*")
    try:
        yield server.start().wait()
        server.stop()
    finally:
        server.kill()
