"""
Keep the key set of the issuer of tokens up to date, in the arbiter: the only one that asks the issuer.

It is asked at the start, each five minutes, and when a worker met a token of an unknown key, at most once a minute.
Where keys.yaml names no key set, that asks the issuer where it is, and then for it. While it does not answer, the last
key set that was whole goes on, over restarts too.
"""

import json
import logging
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from gateway.scoreboard.status import KeySetStatus
from gateway.security.key_set import StoredKeySet
from gateway.security.key_set_fetch import ISSUER, MOST_BYTES
from gateway.security.keyring import Keyring
from gateway.security.token_settings import TokenSettings, parse
from gateway.security.token_verifier import fetched_in, wanted_in
from gateway.settings.settings import Settings
from gateway.system import atomic, files
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.own_python import module_words

log = logging.getLogger("gateway.tokens")

#: Seconds after which the issuer is asked again.
EVERY_S: Final = 300.0
#: Least seconds between two questions because of unknown keys, and between two that failed.
LEAST_S: Final = 60.0
#: Seconds after a question that failed while there is no key set yet; doubled up to LEAST_S.
_FIRST_RETRY_S: Final = 2.0
_CHILD_S: Final = 30.0
_STORED: Final = msgspec.json.Decoder(StoredKeySet)


class KeySetKeeper:
    """Decide when to ask; `tick` is called by the monitor and returns at once."""

    #: How the key set is; None where no tokens count.
    status: KeySetStatus | None

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._keyring = keyring
        self._path, self._wanted = fetched_in(settings.state_dir), wanted_in(settings.run_dir)
        self.status = None
        self._next_at = 0.0
        self._asked_at = -LEAST_S
        self._seen = 0
        self._failures = 0
        self._child = 0
        self._thread: threading.Thread | None = None

    def children(self) -> tuple[int, ...]:
        """Return the process that asks, if there is one; waits while it is being started."""
        with FORK_LOCK:
            return (self._child,) if self._child else ()

    def tick(self) -> None:
        """Ask the issuer if it is time."""
        if self._thread is not None and self._thread.is_alive():
            return
        section = self._keyring.content.jwt
        if not section:
            self.status = None
            return
        wanted = parse(section)
        if not self._is_due(wanted):
            return
        self._asked_at = time.monotonic()
        self._thread = threading.Thread(target=self._ask, args=(wanted,), name="key-set", daemon=True)
        self._thread.start()

    def _is_due(self, wanted: TokenSettings) -> bool:
        now, mark = time.monotonic(), self._mark(wanted)
        if self.status is None or wanted.address != self.status.address:
            self.status = KeySetStatus(address=wanted.address, fetched_at=self._fetched_at(wanted))
            self._failures, self._seen = 0, mark
            return True
        if mark != self._seen and (not wanted.is_fetched or now - self._asked_at >= LEAST_S):
            self._seen = mark
            return True
        return now >= self._next_at

    def _mark(self, wanted: TokenSettings) -> int:
        """Return what changes when there is a reason to ask: the mark of the workers, or the file itself."""
        try:
            return (self._wanted if wanted.is_fetched else self._file(wanted)).stat().st_mtime_ns
        except OSError:
            return 0

    def _file(self, wanted: TokenSettings) -> Path:
        return self._keyring.path.parent / wanted.address

    def _ask(self, wanted: TokenSettings) -> None:
        address = wanted.address
        try:
            body = self._fetched(wanted) if wanted.is_fetched else files.read(self._file(wanted), MOST_BYTES)
            keys = _keys_in(body)
            if wanted.is_fetched:
                stored = msgspec.json.encode(StoredKeySet(address, keys))
                atomic.replace_bytes(self._path, stored, durable=True)
        except (OSError, ValueError) as error:
            self._failed(wanted, str(error) or type(error).__name__)
            return
        self._failures = 0
        self._next_at = time.monotonic() + EVERY_S
        self.status = KeySetStatus(address=address, fetched_at=time.time())
        log.info("key set fetched", extra={"url": address, "keys": len(keys)})

    def _failed(self, wanted: TokenSettings, reason: str) -> None:
        self._failures += 1
        since = self._fetched_at(wanted)
        wait_s = LEAST_S if since else min(_FIRST_RETRY_S * 2 ** (self._failures - 1), LEAST_S)
        self._next_at = time.monotonic() + wait_s
        self.status = told = KeySetStatus(address=wanted.address, fetched_at=since, reason=reason)
        extra = {"url": wanted.address, "reason": reason, "effect": told.effect, "fix": told.fix}
        log.error("the key set of the issuer could not be fetched", extra=extra)

    def _fetched(self, wanted: TokenSettings) -> bytes:
        asked = [ISSUER, wanted.issuer] if wanted.is_discovered else [wanted.address]
        words = module_words("gateway.security.key_set_fetch", *asked)
        with FORK_LOCK:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )  # fmt: skip
            self._child = child.pid
        try:
            body, told = child.communicate(timeout=_CHILD_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise ValueError(f"no answer within {_CHILD_S:g} s") from None
        finally:
            self._child = 0
        if not body:
            raise ValueError(told.decode("utf-8", "replace").strip() or "an empty answer")
        return body

    def _fetched_at(self, wanted: TokenSettings) -> float:
        """Return when the key set came that is here; 0 where there is none of this address."""
        if not wanted.is_fetched:
            return 0.0
        try:
            is_of_it = _STORED.decode(self._path.read_bytes()).url == wanted.address
            return self._path.stat().st_mtime if is_of_it else 0.0
        except (OSError, msgspec.MsgspecError):
            return 0.0


def _keys_in(body: bytes) -> list[dict[str, object]]:
    """Return the keys of a key set; raises ValueError where it holds none."""
    try:
        found = json.loads(body)
        keys = [key for key in found["keys"] if isinstance(key, dict) and key.get("kty")]
    except (ValueError, KeyError, TypeError, RecursionError):
        keys = []
    if not keys:
        raise ValueError("the answer is no key set (JSON with `keys`)")
    return keys
