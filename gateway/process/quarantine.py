"""
Which routes are closed because their predicts killed workers, or their model servers ended too often, and what opens
them again.

Pure: the entries are those of the status file, by route name: the manifest key that was closed, and the reason.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from gateway.generations import history
from gateway.generations.history import Event

Entries: TypeAlias = dict[str, tuple[str, str]]

KILLS_WORKERS: Final = "its predictions killed workers repeatedly"


def closed(entries: Entries, route: str, keys: Mapping[str, str], reason: str = KILLS_WORKERS) -> Entries:
    """Return the entries with a route closed; `keys` are the manifest keys of what is committed."""
    return {**entries, route: (keys.get(route, ""), f"route {route} is closed: {reason}")}


def is_reviewed_after(event: Event) -> bool:
    """Say whether an attempt to reload may open routes: one that was refused changed nothing."""
    return event.result in (*history.COMMITS, "unchanged")


def reviewed(entries: Entries, keys: Mapping[str, str], *, forced: bool) -> Entries:
    """Return the routes that stay closed: those with the model that killed, unless their owner insists."""
    return {} if forced else {route: entry for route, entry in entries.items() if keys.get(route) == entry[0]}
