"""
Grow the zoo: `python -m zoo.grow FOLDER [--core] [NAME…]`, run in tests/.

Writes FOLDER/NAME/ with the artifact and case.json. What is there already stays; nothing grown is ever committed.
"""

import argparse
import importlib
import json
import shutil
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

from . import specimen
from .specimen import ZOO, Species, Unavailable

#: Modules that enter species; the H2O server runs from the first MOJO to the last.
MODULES = (
    "frames", "encoders", "arrays", "texts", "labels", "many", "alone", "ensembles", "wrapped", "boosters", "catboosts",
    "lightgbms", "graphs", "networks", "codes", "hostile", "damaged", "mojos",
)  # fmt: skip


def known() -> dict[str, Species]:
    """Return every species by name, sorted by module."""
    for module in MODULES:
        importlib.import_module(f"{__package__}.{module}")
    return ZOO


def grow(one: Species, folder: Path) -> str:
    """Grow one artifact and return what came of it: grown, kept, or why not."""
    home = folder / one.name
    if (home / "case.json").exists():
        return "kept"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try:
        found = asdict(one.grow(home))
    except Unavailable as reason:
        found = {"unavailable": str(reason)}
    (home / "case.json").write_text(json.dumps(found | {"name": one.name, "title": one.title}, allow_nan=False))
    return str(found.get("unavailable", "grown"))


def main() -> int:
    """Grow what the command line names; exit code 1 where something could not be grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--core", action="store_true", help="only what every test run grows")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [one for one in known().values() if not arguments.names or one.name in arguments.names]
    failed = []
    try:
        for one in chosen:
            if arguments.core and not one.core:
                continue
            started = time.perf_counter()
            try:
                outcome = grow(one, arguments.folder)
            except Exception as error:
                failed.append(one.name)
                outcome = f"FAILED {type(error).__name__}: {error}"
            print(f"{one.name:34} {time.perf_counter() - started:6.1f} s  {outcome}", flush=True)
    finally:
        specimen.close_all()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
