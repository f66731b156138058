"""A generation on disk is whole or not there, and its name says what it serves."""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from gateway.artifacts import state_files
from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.errors import Problem
from gateway.generations import snapshot
from gateway.generations.snapshot import Snapshot
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RegistrySpec, RouteSpec
from gateway.schema import Field, Output, Signature


def registry(timeout_s: float = 5.0) -> RegistrySpec:
    """Return a registry with every kind of value."""
    route = RouteSpec(
        path="/m",
        name="m",
        artifact="m.stub",
        loader="stub",
        timeout_s=timeout_s,
        aliases=("/a", "/b"),
        inputs={"a": {"minimum": 0, "examples": [1, 2.5]}},
        response={"x": "$value", "y": [None, True, 1.5]},
        base="/somewhere",
    )
    return RegistrySpec(routes=(route,), server=ServerSpec(cors=("http://a",)))


def found(key: str = "k1", problem: Problem | None = None) -> Manifest:
    """Return the manifest of its one route."""
    return Manifest(
        key=key,
        loader="stub",
        artifact=StoredArtifact(path="/c/m.stub", sha256="ab" * 32, size_bytes=3, origin="/o/m.stub"),
        signature=Signature(inputs=(Field(name="a", enum=(1, "x", 2.5)),), output=Output(labels=("no", 1))),
        problem=problem,
    )


def make(timeout_s: float = 5.0, key: str = "k1") -> Snapshot:
    """Return a generation."""
    return snapshot.make(registry(timeout_s), {"m": found(key)}, source="test")


def test_what_is_read_is_what_was_committed(tmp_path: Path) -> None:
    """Every value of registry and manifests comes back, by name and as the committed one."""
    made = make()
    snapshot.commit(tmp_path, made)
    read = snapshot.committed(tmp_path)
    assert read is not None
    assert msgspec.json.encode(read) == msgspec.json.encode(made)
    assert snapshot.load(tmp_path, made.id) == read
    assert read.manifests["m"].signature == made.manifests["m"].signature


def test_name_follows_content() -> None:
    """Equal state, equal name; any change of registry, model or health of a model is another name."""
    base = make()
    assert make().id == base.id
    assert len(base.id) == 12
    failed = snapshot.make(registry(), {"m": found(problem=Problem("load", "broken"))})
    others = {make(timeout_s=6).id, make(key="k2").id, failed.id}
    assert len(others | {base.id}) == 4


def test_name_does_not_depend_on_when_or_whence() -> None:
    """Time and source are notes, not content; nor does the order matter in which routes were prepared."""
    two = dataclasses.replace(registry().routes[0], path="/n", name="n", aliases=())
    spec = RegistrySpec(routes=(*registry().routes, two))
    forwards = snapshot.make(spec, {"m": found("1"), "n": found("2")}, source="a")
    backwards = snapshot.make(spec, {"n": found("2"), "m": found("1")}, source="b")
    assert forwards.id == backwards.id


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"id": 1}', b"\xff" * 10])
def test_damaged_state_is_no_state(tmp_path: Path, damage: bytes) -> None:
    """A file that is not a snapshot of this version reads as none, never as an exception or as half of one."""
    snapshot.commit(tmp_path, make())
    (tmp_path / state_files.COMMITTED).write_bytes(damage)
    assert snapshot.committed(tmp_path) is None
    assert snapshot.committed(tmp_path / "nowhere") is None


def test_failed_commit_keeps_the_old(tmp_path: Path) -> None:
    """When the disk refuses, the generation that was committed stays committed."""
    old = make()
    snapshot.commit(tmp_path, old)
    new = make(timeout_s=9)
    # A folder in its place refuses the file for root too, which ignores permissions.
    (tmp_path / "generations" / f"{new.id}.json").mkdir()
    with pytest.raises(OSError, match=r"."):
        snapshot.commit(tmp_path, new)
    kept = snapshot.committed(tmp_path)
    assert kept is not None
    assert kept.id == old.id


_COMMITTING = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from gateway.generations import snapshot
from generations.test_snapshot import make
print("go", flush=True)
n = 0
while True:
    n += 1
    snapshot.commit(Path({state!r}), make(timeout_s=1.0 + n % 7))
"""


def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    """Whenever a committing process is killed, and whenever one reads, the committed generation is whole."""
    snapshot.commit(tmp_path, make())
    code = _COMMITTING.format(tests=str(Path(__file__).parents[1]), state=str(tmp_path))
    whole = {make(timeout_s=1.0 + n).id for n in range(7)}
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            read = snapshot.committed(tmp_path)
            assert read is not None
            assert read.id in whole
        child.kill()
        child.wait()
        child.stdout.close()
        read = snapshot.committed(tmp_path)
        assert read is not None
        assert snapshot.make(read.registry, read.manifests).id == read.id


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    """History is bounded; the newest generations are the ones that stay."""
    made = [make(timeout_s=1.0 + n) for n in range(snapshot.KEPT + 5)]
    for number, one in enumerate(made):
        snapshot.commit(tmp_path, one)
        os.utime(tmp_path / "generations" / f"{one.id}.json", (number, number))
    snapshot.commit(tmp_path, made[-1])
    assert len(list((tmp_path / "generations").glob("*.json"))) == snapshot.KEPT
    assert snapshot.load(tmp_path, made[-1].id) is not None
    assert snapshot.load(tmp_path, made[0].id) is None
