"""
What asking for a key costs, and whether its time tells anything: unknown ids against wrong secrets.

Usage: python -m bench.keys [ROUNDS]. CPU time of one thread in this process; read ratios, not absolutes.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.errors import UnauthorisedError
from gateway.security import api_key, key_changes
from gateway.security.authentication import Authenticator
from gateway.security.keyring import Keyring

#: Keys in the file; with one alone, a look-up by id would be flattered.
KEYS: Final = 100
CALLS: Final = 2_000


def main() -> None:
    """Print microseconds a request for each kind of key."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.yaml"
        issued = [key_changes.create(path, ["predict:/loan"], datetime.now(UTC)) for _ in range(KEYS)]
        began = time.process_time()
        ring = Keyring(path)
        sys.stdout.write(f"reading a file of {KEYS} keys: {1e3 * (time.process_time() - began):.1f} ms\n")
        authenticator = Authenticator(ring)
        known = issued[KEYS // 2]
        kinds: dict[str, Callable[[], object]] = {
            "is_required": lambda: bool(authenticator.is_required),
            "right key": _asks(authenticator, [known.text]),
            "unknown id": _asks(authenticator, [api_key.new_text(api_key.new_id()) for _ in range(50)]),
            "wrong secret": _asks(authenticator, [api_key.new_text(known.key.id) for _ in range(50)]),
            "mistyped": _asks(authenticator, [known.text[:-1] + "~"]),
        }
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for name, ask in kinds.items():
                times[name].append(_microseconds(ask))
        for name, found in times.items():
            sys.stdout.write(f"{name:14} {statistics.median(found):6.2f} us (least {min(found):.2f})\n")
        ratio = statistics.median(times["unknown id"]) / statistics.median(times["wrong secret"])
        sys.stdout.write(f"unknown id / wrong secret: {ratio:.3f}\n")


def _asks(authenticator: Authenticator, texts: list[str]) -> Callable[[], None]:
    turn = iter(range(10**12))

    def ask() -> None:
        with contextlib.suppress(UnauthorisedError):
            authenticator.principal_of(texts[next(turn) % len(texts)])

    return ask


def _microseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        work()
    return 1e6 * (time.process_time() - began) / CALLS


if __name__ == "__main__":
    main()
