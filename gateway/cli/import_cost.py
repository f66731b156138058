"""
Tell what a worker imports for a model beyond what the prepare child did: time and memory, once for all models of it.

The prepare child hides packages that a framework imports where it finds them (`needless` of table.py). A worker cannot:
what was imported without them keeps to that, and other models of the same worker need them.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from gateway.loaders import get_loader
from gateway.loaders.table import row_of
from gateway.system.absent_packages import absent
from gateway.system.memory import resident_bytes
from gateway.system.own_python import module_words
from gateway.system.suggest import listing

_LEAN: Final = "lean"
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ImportCost:
    """Hold what importing the packages of a framework takes beyond the framework itself."""

    packages: tuple[str, ...]
    seconds: float
    memory_bytes: int

    def __str__(self) -> str:
        """Return it for people."""
        names = listing(self.packages, "and")
        return (
            f"{self.seconds:.1f} s and {self.memory_bytes / 2**20:.0f} MB more, once, where no model needed {names} yet"
        )


@cache
def import_cost(loader: str) -> ImportCost | None:
    """Measure it in processes of its own; None where there is none, or where it cannot be measured."""
    if not row_of(loader).needless:
        return None
    with ThreadPoolExecutor(2) as pool:
        whole, lean = pool.map(_ask, ((loader,), (loader, _LEAN)))
    if whole is None or lean is None or not whole["packages"]:
        return None
    seconds = max(whole["seconds"] - lean["seconds"], 0.0)
    return ImportCost(tuple(whole["packages"]), seconds, max(whole["memory_bytes"] - lean["memory_bytes"], 0))


def _ask(words: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        done = subprocess.run(module_words(__name__, *words), capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def _measured(loader: str, *, is_lean: bool) -> dict[str, Any]:
    names = row_of(loader).needless
    before, started = resident_bytes(), time.process_time()
    with absent(names if is_lean else ()):
        get_loader(loader)
    return {
        "packages": [name for name in names if name in sys.modules],
        "seconds": time.process_time() - started,
        "memory_bytes": resident_bytes() - before,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(sys.argv[1], is_lean=_LEAN in sys.argv[2:])))
