"""
Say when the aliases of an MLflow store are to be asked for again (GATEWAY_WATCH_ALIASES).

A SQLite store is asked soon after its file changed, every other store at an interval; a child process asks.
"""

import time
from pathlib import Path
from typing import Final

from gateway.process.watched_files import look
from gateway.references.store_access import URI, StoreAccess
from gateway.references.store_uri import sqlite_path, store_uri
from gateway.settings.settings import Settings

#: Seconds between two questions; one takes about two seconds of a core.
INTERVAL_S: Final = 30.0
#: Least seconds between two questions where the file of a store changes all the time.
PAUSE_S: Final = 5.0


class AliasWatch:
    """Hold when the store was last asked, and what its file looked like then."""

    def __init__(self, settings: Settings) -> None:
        base = settings.registry.parent
        told, _ = StoreAccess(uri=settings.mlflow_uri, credentials=settings.mlflow_credentials).told()
        database = sqlite_path(store_uri(told.get(URI), base), base)
        #: A store in write-ahead mode changes the second file first.
        self._files = (database, Path(f"{database}-wal")) if database is not None else ()
        self._is_on = settings.watch_aliases
        self._asked_at = time.monotonic()
        self._seen = self._look()

    def is_due(self) -> bool:
        """Say whether to ask now; the next answer counts from here."""
        waited_s = time.monotonic() - self._asked_at
        if not self._is_on or waited_s < PAUSE_S:
            return False
        seen = self._look()
        if seen == self._seen and waited_s < INTERVAL_S:
            return False
        self._asked_at, self._seen = time.monotonic(), seen
        return True

    def _look(self) -> tuple[int, ...]:
        return tuple(look(path) for path in self._files)
