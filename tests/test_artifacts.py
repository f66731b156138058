"""Bytes are found, checked and kept as what they were; nothing that happens to the original changes what is served."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from gateway import artifacts
from gateway.errors import ArtifactError


def code_of(error: "pytest.ExceptionInfo[ArtifactError]") -> str:
    """Return the stable code of an error that also says what to do."""
    assert error.value.hint
    return error.value.code


def test_missing_names_what_is_there(tmp_path: Path) -> None:
    """A path that leads nowhere is told with the folder's files, or with the folder that is missing."""
    (tmp_path / "model.ubj").touch()
    with pytest.raises(ArtifactError) as error:
        artifacts.locate(tmp_path, "modle.ubj")
    assert code_of(error) == "artifact-missing"
    assert "model.ubj" in str(error.value.hint)
    with pytest.raises(ArtifactError) as error:
        artifacts.locate(tmp_path, "nowhere/model.ubj")
    assert "nowhere does not exist" in str(error.value.hint)


def test_entry_of_python_code() -> None:
    """Only a colon after .py separates a name; every other colon belongs to the file."""
    assert artifacts.split_entry("a/b.py:main") == ("a/b.py", "main")
    assert artifacts.split_entry("a:b.ubj") == ("a:b.ubj", None)


def test_digest_of_a_file(tmp_path: Path) -> None:
    """The hash of a file is what sha256sum prints, so that people can pin it; sizes above one block too."""
    data = os.urandom(artifacts.CHUNK_BYTES * 2 + 17)
    (tmp_path / "m").write_bytes(data)
    assert artifacts.digest(tmp_path / "m") == (hashlib.sha256(data).hexdigest(), len(data))


def test_digest_of_a_folder(tmp_path: Path) -> None:
    """A folder's hash changes with contents, names and places, and with nothing else."""
    folder = tmp_path / "m"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "sub/b").write_text("22")
    first, size = artifacts.digest(folder)
    assert size == 3
    os.utime(folder / "a", (1, 1))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").write_text("byte code")
    (folder / "empty").mkdir()
    assert artifacts.digest(folder)[0] == first
    (folder / "sub/b").rename(folder / "sub/c")
    renamed = artifacts.digest(folder)[0]
    (folder / "a").write_text("2")
    assert len({first, renamed, artifacts.digest(folder)[0]}) == 3


def test_pin(tmp_path: Path) -> None:
    """A pin holds in either case of its digits; any other bytes are refused with both hashes."""
    (tmp_path / "m").write_text("x")
    sha256, _ = artifacts.digest(tmp_path / "m")
    artifacts.verify(tmp_path / "m", sha256, None)
    artifacts.verify(tmp_path / "m", sha256, sha256.upper())
    with pytest.raises(ArtifactError) as error:
        artifacts.verify(tmp_path / "m", sha256, "0" * 64)
    assert code_of(error) == "wrong-sha256"
    assert sha256 in error.value.message


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_kept_bytes_are_a_copy(tmp_path: Path, kind: str) -> None:
    """What is kept is neither the original nor a link to it: overwriting in place changes nothing."""
    original = tmp_path / "m.bin"
    inside = original
    if kind == "folder":
        original.mkdir()
        inside = original / "part"
    inside.write_text("first")
    sha256, _ = artifacts.digest(original)
    kept = artifacts.keep(tmp_path / "cache", original, sha256)
    with inside.open("r+") as stream:
        stream.write("SECOND")
    path = Path(kept.path)
    assert (path / "part" if kind == "folder" else path).read_text() == "first"
    assert (kept.size_bytes, kept.sha256, kept.origin, path.name) == (5, sha256, str(original), "m.bin")
    assert artifacts.digest(path)[0] == sha256


def test_kept_once(tmp_path: Path) -> None:
    """The same bytes are kept once, whatever they are called where they came from."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.bin").write_text("same")
    sha256, _ = artifacts.digest(tmp_path / "a/m.bin")
    kept = {artifacts.keep(tmp_path / "cache", tmp_path / name / "m.bin", sha256).path for name in ("a", "b")}
    assert len(kept) == 1
    assert len([p for p in (tmp_path / "cache").rglob("*") if p.is_file()]) == 1


def test_change_between_hash_and_copy(tmp_path: Path) -> None:
    """Bytes that changed after they were verified are not kept under the old hash."""
    (tmp_path / "m").write_text("verified")
    sha256, _ = artifacts.digest(tmp_path / "m")
    (tmp_path / "m").write_text("swapped!")
    with pytest.raises(ArtifactError) as error:
        artifacts.keep(tmp_path / "cache", tmp_path / "m", sha256)
    assert code_of(error) == "artifact-changing"
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_kept_by_many_at_once(tmp_path: Path) -> None:
    """Several preparing processes may keep the same bytes at the same moment."""
    (tmp_path / "m").write_bytes(b"x" * 200_000)
    sha256, _ = artifacts.digest(tmp_path / "m")
    failures: list[BaseException] = []

    def keep() -> None:
        try:
            artifacts.keep(tmp_path / "cache", tmp_path / "m", sha256)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [p.name for p in (tmp_path / "cache/artifacts").iterdir()] == [sha256]


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    """A folder that links to itself or to a file that is gone ends, with an answer or an ArtifactError."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    sha256, size = artifacts.digest(folder)
    assert size == 1
    assert len(sha256) == 64


def test_unwritable_cache(tmp_path: Path) -> None:
    """No place for copies is told as that, with the setting that moves it."""
    (tmp_path / "m").write_text("x")
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(ArtifactError) as error:
        artifacts.keep(tmp_path / "cache", tmp_path / "m", artifacts.digest(tmp_path / "m")[0])
    assert code_of(error) == "cache-unwritable"
    assert "GATEWAY_HOME" in str(error.value.hint)
