"""
An installation brings only files whose hashes a lock names.

OWASP: ML06
"""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from serving import ROOT

LOCKS = sorted(ROOT.glob("requirements*.lock"))
PACKAGES = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def test_there_is_a_lock_of_each_environment() -> None:
    """Serving, tests, training, the nodes of a cluster, what builds the checkout, and what a system may lack."""
    names = {lock.stem.removeprefix("requirements").lstrip("-") for lock in LOCKS}
    assert names == {"", "dev", "train", "ray", "java", "node", "build"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_file_of_python_has_a_hash(lock: Path) -> None:
    """Each requirement is one version with at least one hash, so pip refuses a file that was exchanged."""
    text = re.sub(r"\\\n\s+", "", lock.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [
        line for line in lines if not re.fullmatch(r"\S+==\S+( ; .+?)?\s*(--hash=sha256:[0-9a-f]{64}\s*)+", line)
    ] == []


def test_every_file_of_node_has_a_hash() -> None:
    """Each package of package-lock.json has its sha512, and comes from the registry that the user has set."""
    installed = {name: package for name, package in PACKAGES.items() if name}
    assert installed
    assert [name for name, package in installed.items() if not package["integrity"].startswith("sha512-")] == []


def test_what_builds_the_checkout_is_locked() -> None:
    """The lock holds what `build-system` asks for, or the newest release of the index would run at each installation."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    wanted = [Requirement(line) for line in asked]
    locked = dict(
        re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements-build.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {one.name for one in wanted} == set(locked)
    assert all(one.specifier.contains(locked[one.name]) for one in wanted)


def test_nothing_is_installed_past_a_lock() -> None:
    """The steps of `make` install locks, the checkout itself, and packages of Node by `npm ci`."""
    script = (ROOT / "scripts/setup.sh").read_text(encoding="utf-8")
    told = re.findall(r"^[^#\n]*\$pip (.+?)(?:;.*)?$", script, re.MULTILINE)
    assert len(told) >= 8
    assert [
        words
        for words in told
        if not re.fullmatch(r"-r requirements[a-z-]*\.lock|--no-deps --no-build-isolation --editable \.", words)
    ] == []
