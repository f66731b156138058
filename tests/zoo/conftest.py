"""Grow the zoo once a session, in a process of its own, and open it: in this process, and behind a real gateway."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import serving

from .enclosure import CACHE, Case, Enclosure, read_cases, registry_of
from .grow import known

#: A folder that keeps what was grown and prepared between runs; absent: a temporary one.
KEPT = "ZOO_FOLDER"


@dataclass
class Zoo:
    """Hold the cases of one part of the zoo, and the registry that serves them."""

    cases: dict[str, Case]
    registry: Path
    cache: Path
    home: Path


def _grow(tmp_path_factory: pytest.TempPathFactory, names: list[str], part: str) -> Zoo:
    kept = os.environ.get(KEPT)
    folder = Path(kept) if kept else tmp_path_factory.mktemp("zoo")
    command = [sys.executable, "-m", "zoo.grow", str(folder), *(["--core"] if part == "core" else [])]
    paths = f"{serving.ROOT}{os.pathsep}{serving.ROOT / 'tests'}"
    ended = subprocess.run(
        command,
        cwd=serving.ROOT / "tests",
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-2000:]}"
    home = tmp_path_factory.mktemp(f"zoo-{part}")
    cases = read_cases(folder, names)
    registry = home / "registry.yaml"
    registry.write_text(registry_of(list(cases.values())))
    return Zoo(cases, registry, folder / CACHE if kept else home / "cache", home)


@pytest.fixture(scope="session")
def core_zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """Grow what every test run looks at."""
    return _grow(tmp_path_factory, [one.name for one in known().values() if one.core], "core")


@pytest.fixture(scope="session")
def whole_zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """Grow everything, the H2O models with a server that ends before the tests begin."""
    return _grow(tmp_path_factory, list(known()), "whole")


def _gateway(zoo: Zoo) -> Iterator[serving.Gateway]:
    zoo.cache.mkdir(exist_ok=True)
    folder = zoo.home / "gateway"
    folder.mkdir()
    server = serving.make(folder, zoo.cache, zoo.registry, workers=1, boot_deadline_s=300)
    try:
        yield server.start().wait(timeout_s=3_000)
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def core_gateway(core_zoo: Zoo) -> Iterator[serving.Gateway]:
    """Serve the core with one gateway."""
    yield from _gateway(core_zoo)


@pytest.fixture(scope="session")
def whole_gateway(whole_zoo: Zoo) -> Iterator[serving.Gateway]:
    """Serve the whole zoo with one gateway."""
    yield from _gateway(whole_zoo)


@pytest.fixture(scope="session")
def core_enclosure(core_zoo: Zoo, core_gateway: serving.Gateway) -> Enclosure:
    """Open the core in this process, from the manifests that the gateway's children wrote."""
    return Enclosure(core_zoo.home / "here", core_zoo.cache, core_zoo.registry)


@pytest.fixture(scope="session")
def whole_enclosure(whole_zoo: Zoo, whole_gateway: serving.Gateway) -> Enclosure:
    """Open everything in this process, from the manifests that the gateway's children wrote."""
    return Enclosure(whole_zoo.home / "here", whole_zoo.cache, whole_zoo.registry)
