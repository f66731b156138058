"""
Chains what models consist of at random: `python -m loaders.chains SEED COUNT [SECONDS]`, run in tests/.

Runs under the second lock. Every program names what the reader itself admits, applies opcodes to whatever lies on the
stack or in the memo, and ends in an honest model with chains inside; schemas of skops are grafted. What loads is asked
for a prediction. The process ends at the first audit event that no model causes, and prints it with its program.
"""

import itertools
import json
import os
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.prepare import sandbox

from . import grafts, programs


class Search:
    """Load and ask one program after the other, and count what came of them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._folder, self._number = seed, folder, 0
        self._grafts, self._programs = grafts.Grafts(), programs.Programs()
        self._loader = get_loader("sklearn")
        self.counts = {"refused": 0, "failed": 0, "predicted": 0}

    def confine(self) -> None:
        """Take the second lock, and print what breaks it."""
        # Some of what a first prediction imports, it imports late.
        for data in self._programs.honest:
            self._ask(self._folder / "model.pkl", data)
        self.counts = dict.fromkeys(self.counts, 0)
        sandbox.confine([self._folder], self._end)

    def step(self) -> None:
        """Make one program of the seed and its number, and read it."""
        self._number += 1
        rng = random.Random(f"{self._seed}/{self._number}")
        if rng.random() < 0.5:
            self._ask(self._folder / "model.skops", self._grafts.make(rng))
        else:
            self._ask(self._folder / "model.pkl", self._programs.make(rng))

    def _ask(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        try:
            found: Any = self._loader.load(path, LoadOptions(allow_pickle=True))
        except GatewayError:
            self.counts["refused"] += 1
            return
        try:
            found.predict([programs.column(field.type) for field in found.signature.inputs])
            self.counts["predicted"] += 1
        except Exception:  # a changed model may fail to predict; only acts count here
            self.counts["failed"] += 1

    def _end(self, act: str) -> None:
        sandbox.release()
        kept = Path(tempfile.mkdtemp(prefix="acting-"))
        for path in self._folder.iterdir():
            path.rename(kept / path.name)
        print(f"ACT {act}, seed {self._seed}, program {self._number}, kept in {kept}", flush=True)
        os._exit(3)


def main() -> None:
    """Search until the count or the time is used up; print the counts, or the act that was found."""
    seed, count, *seconds = map(int, sys.argv[1:])
    warnings.simplefilter("ignore")
    ends = time.monotonic() + seconds[0] if seconds else float("inf")
    here = set(Path().iterdir())
    with tempfile.TemporaryDirectory() as folder:
        search = Search(seed, Path(folder))
        search.confine()
        for _ in itertools.islice(itertools.takewhile(lambda _: time.monotonic() < ends, itertools.count()), count):
            search.step()
        sandbox.release()
    if set(Path().iterdir()) - here:
        print(f"ACT files were made here, seed {seed}: {set(Path().iterdir()) - here}")
        sys.exit(3)
    print(json.dumps(search.counts))


if __name__ == "__main__":
    main()
