"""
Keep the key set of the issuer of tokens up to date, in the arbiter: the only one that asks the issuer.

It is asked at the start, each five minutes, and when a worker met a token of an unknown key, at most once a minute.
While it does not answer, the last key set that was whole goes on, over restarts too.
"""

import json
import logging
import subprocess
import threading
import time
from typing import Final

import msgspec

from gateway.security.key_set import StoredKeySet
from gateway.security.keyring import Keyring
from gateway.security.token_settings import parse
from gateway.security.token_verifier import fetched_in, wanted_in
from gateway.settings.settings import Settings
from gateway.system import atomic
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

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        self._keyring = keyring
        self._path, self._wanted = fetched_in(settings.state_dir), wanted_in(settings.run_dir)
        self._url = ""
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
        url = self._address()
        if not url or not self._is_due(url):
            return
        self._url, self._asked_at = url, time.monotonic()
        self._thread = threading.Thread(target=self._ask, args=(url,), name="key-set", daemon=True)
        self._thread.start()

    def _address(self) -> str:
        section = self._keyring.content.jwt
        if not section:
            return ""
        settings = parse(section)
        return settings.jwks if settings.is_fetched else ""

    def _is_due(self, url: str) -> bool:
        now, mark = time.monotonic(), self._mark()
        if url != self._url:
            self._failures, self._seen = 0, mark
            return True
        if mark != self._seen and now - self._asked_at >= LEAST_S:
            self._seen = mark
            return True
        return now >= self._next_at

    def _mark(self) -> int:
        try:
            return self._wanted.stat().st_mtime_ns
        except OSError:
            return 0

    def _ask(self, url: str) -> None:
        try:
            keys = _keys_in(self._fetched(url))
            stored = StoredKeySet(url, keys)
            atomic.replace_bytes(self._path, msgspec.json.encode(stored), durable=True)
        except (OSError, ValueError) as error:
            self._failures += 1
            wait_s = LEAST_S if self._has(url) else min(_FIRST_RETRY_S * 2 ** (self._failures - 1), LEAST_S)
            self._next_at = time.monotonic() + wait_s
            extra = {"url": url, "reason": str(error), "fix": "the last key set goes on; see `jwks` in keys.yaml"}
            log.error("the key set of the issuer could not be fetched", extra=extra)
            return
        self._failures = 0
        self._next_at = time.monotonic() + EVERY_S
        log.info("key set fetched", extra={"url": url, "keys": len(keys)})

    def _fetched(self, url: str) -> bytes:
        words = module_words("gateway.security.key_set_fetch", url)
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

    def _has(self, url: str) -> bool:
        """Say whether there is a key set of this address."""
        try:
            return _STORED.decode(self._path.read_bytes()).url == url
        except (OSError, msgspec.MsgspecError):
            return False


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
