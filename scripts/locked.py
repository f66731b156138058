"""What requirements.lock brings to each Python that the tests are run on, and where it differs between them."""

import re
import tomllib
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


def pythons() -> list[str]:
    """Return the versions of Python that pyproject.toml names, lowest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [text.rpartition(" ")[2] for text in project["classifiers"] if text[-1].isdigit()]


def pins(lock: str) -> dict[str, set[str]]:
    """Return package -> the versions that a lock names, of which each Python takes one."""
    found: dict[str, set[str]] = {}
    for name, version, _ in _PIN.findall((ROOT / lock).read_text(encoding="utf-8")):
        found.setdefault(name, set()).add(version)
    return found


def versions(python: str) -> dict[str, str]:
    """Return package -> version on one Python."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    return {
        name: version for name, version, marker in _PIN.findall(lock) if not marker or Marker(marker).evaluate(here)
    }


def differing() -> list[tuple[str, ...]]:
    """Return a row of versions for each package that is not the same on all of them."""
    locked = [versions(python) for python in pythons()]
    names = sorted({name for one in locked for name in one})
    rows = [(name, *(one.get(name, "") for one in locked)) for name in names]
    return [row for row in rows if len(set(row[1:])) > 1]
