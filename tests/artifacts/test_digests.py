"""Remembered hashes: no byte is read twice, and no change is overlooked."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from gateway.artifacts import digests, source_files
from gateway.artifacts.digests import Digests


def aged(path: Path, content: bytes) -> str:
    """Write a file that is old enough to be remembered, as far as a file can be made so; return its sha256."""
    path.write_bytes(content)
    os.utime(path, (1, 1))
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def young(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust change times at once: nobody can set them back, and a test should not sleep for seconds."""
    monkeypatch.setattr(digests, "YOUNG_S", -1.0)


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list of files that are really hashed from now on."""
    seen: list[Path] = []
    real = source_files.digest

    def digest(path: Path) -> tuple[str, int]:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(source_files, "digest", digest)
    return seen


@pytest.mark.usefixtures("young")
def test_only_changed_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 50 files of which one changed, the next process reads that one."""
    files = [tmp_path / f"m{number}" for number in range(50)]
    for number, path in enumerate(files):
        aged(path, b"%d" % number)
    first = Digests(tmp_path / "cache" / "digests.json")
    before = [first.digest(path) for path in files]
    first.save()
    files[7].write_bytes(b"other")
    seen = reads(monkeypatch)
    second = Digests(tmp_path / "cache" / "digests.json")
    after = [second.digest(path) for path in files]
    assert seen == [files[7]]
    assert after[7] == hashlib.sha256(b"other").hexdigest()
    assert [number for number in range(50) if before[number] != after[number]] == [7]


@pytest.mark.usefixtures("young")
def test_same_size_and_time_is_still_a_change(tmp_path: Path) -> None:
    """A file that is overwritten in place, with the same size and its modification time put back, is hashed again."""
    path = tmp_path / "m"
    aged(path, b"aaaa")
    first = Digests(tmp_path / "digests.json")
    first.digest(path)
    first.save()
    time.sleep(0.02)
    wanted = aged(path, b"bbbb")
    assert Digests(tmp_path / "digests.json").digest(path) == wanted


def test_young_file_is_never_trusted(tmp_path: Path) -> None:
    """What changed a moment ago is not remembered: a second write could leave the very same times."""
    path = tmp_path / "m"
    path.write_bytes(b"aaaa")
    first = Digests(tmp_path / "digests.json")
    first.digest(path)
    first.save()
    assert not (tmp_path / "digests.json").exists()


@pytest.mark.usefixtures("young")
def test_broken_memory_costs_time_only(tmp_path: Path) -> None:
    """A damaged file of hashes is made anew, and what is no longer asked for leaves it."""
    memory = tmp_path / "digests.json"
    memory.write_bytes(b'{"half')
    wanted = {name: aged(tmp_path / name, name.encode()) for name in "ab"}
    first = Digests(memory)
    assert {name: first.digest(tmp_path / name) for name in "ab"} == wanted
    first.save()
    second = Digests(memory)
    second.digest(tmp_path / "a")
    second.save()
    assert str(tmp_path / "a") in memory.read_text()
    assert str(tmp_path / "b") not in memory.read_text()


def test_folders_are_hashed_each_time(tmp_path: Path) -> None:
    """A folder is hashed as a tree each time: its own times say nothing about what lies deeper."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x").write_text("1")
    found = Digests(tmp_path / "digests.json")
    before = found.digest(folder)
    (folder / "x").write_text("2")
    assert found.digest(folder) != before
