"""Bytes are found, checked and kept as what they were; nothing that happens to the original changes what is served."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.artifacts import bundle_folders, source_files, state_files
from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.artifacts.store import Store
from gateway.errors import ArtifactError
from gateway.generations import snapshot
from gateway.registry.spec import RegistrySpec
from gateway.system import files


def code_of(error: "pytest.ExceptionInfo[ArtifactError]") -> str:
    """Return the stable code of an error that also says what to do."""
    assert error.value.hint
    return error.value.code


def test_missing_names_what_is_there(tmp_path: Path) -> None:
    """A path that leads nowhere is told with the folder's files, or with the folder that is missing."""
    (tmp_path / "model.ubj").touch()
    with pytest.raises(ArtifactError) as error:
        source_files.locate(tmp_path, "modle.ubj")
    assert code_of(error) == "artifact-missing"
    assert "model.ubj" in str(error.value.hint)
    with pytest.raises(ArtifactError) as error:
        source_files.locate(tmp_path, "nowhere/model.ubj")
    assert "nowhere does not exist" in str(error.value.hint)


def test_entry_of_python_code() -> None:
    """Only a colon after .py separates a name; every other colon belongs to the file."""
    assert source_files.split_entry("a/b.py:main") == ("a/b.py", "main")
    assert source_files.split_entry("a:b.ubj") == ("a:b.ubj", None)


def test_digest_of_a_file(tmp_path: Path) -> None:
    """The hash of a file is what sha256sum prints, so that people can pin it; sizes above one block too."""
    data = os.urandom(files.CHUNK_BYTES * 2 + 17)
    (tmp_path / "m").write_bytes(data)
    assert source_files.digest(tmp_path / "m") == (hashlib.sha256(data).hexdigest(), len(data))


def test_digest_of_a_folder(tmp_path: Path) -> None:
    """A folder's hash changes with contents, names and places, and with nothing else."""
    folder = tmp_path / "m"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "sub/b").write_text("22")
    first, size = source_files.digest(folder)
    assert size == 3
    os.utime(folder / "a", (1, 1))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").write_text("byte code")
    (folder / "empty").mkdir()
    assert source_files.digest(folder)[0] == first
    (folder / "sub/b").rename(folder / "sub/c")
    renamed = source_files.digest(folder)[0]
    (folder / "a").write_text("2")
    assert len({first, renamed, source_files.digest(folder)[0]}) == 3


def test_pin(tmp_path: Path) -> None:
    """A pin holds in either case of its digits; any other bytes are refused with both hashes."""
    (tmp_path / "m").write_text("x")
    sha256, _ = source_files.digest(tmp_path / "m")
    source_files.verify(tmp_path / "m", sha256, None)
    source_files.verify(tmp_path / "m", sha256, sha256.upper())
    with pytest.raises(ArtifactError) as error:
        source_files.verify(tmp_path / "m", sha256, "0" * 64)
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
    sha256, _ = source_files.digest(original)
    kept = Store(tmp_path / "cache").keep(original, sha256)
    with inside.open("r+") as stream:
        stream.write("SECOND")
    path = Path(kept.path)
    assert (path / "part" if kind == "folder" else path).read_text() == "first"
    assert (kept.size_bytes, kept.sha256, kept.origin, path.name) == (5, sha256, str(original), "m.bin")
    assert source_files.digest(path)[0] == sha256


def test_kept_once(tmp_path: Path) -> None:
    """The same bytes are kept once, whatever they are called where they came from."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.bin").write_text("same")
    sha256, _ = source_files.digest(tmp_path / "a/m.bin")
    kept = {Store(tmp_path / "cache").keep(tmp_path / name / "m.bin", sha256).path for name in ("a", "b")}
    assert len(kept) == 1
    assert len([p for p in (tmp_path / "cache").rglob("*") if p.is_file()]) == 1


def test_change_between_hash_and_copy(tmp_path: Path) -> None:
    """Bytes that changed after they were verified are not kept under the old hash."""
    (tmp_path / "m").write_text("verified")
    sha256, _ = source_files.digest(tmp_path / "m")
    (tmp_path / "m").write_text("swapped!")
    with pytest.raises(ArtifactError) as error:
        Store(tmp_path / "cache").keep(tmp_path / "m", sha256)
    assert code_of(error) == "artifact-changing"
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_kept_by_many_at_once(tmp_path: Path) -> None:
    """Several preparing processes may keep the same bytes at the same moment."""
    (tmp_path / "m").write_bytes(b"x" * 200_000)
    sha256, _ = source_files.digest(tmp_path / "m")
    failures: list[BaseException] = []

    def keep() -> None:
        try:
            Store(tmp_path / "cache").keep(tmp_path / "m", sha256)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [p.name for p in (tmp_path / "cache/artifacts").iterdir()] == [sha256]


@pytest.mark.parametrize("kind", ["link to itself", "link to nowhere", "pipe", "device", "link to a device"])
def test_a_folder_holds_files_and_folders_only(tmp_path: Path, kind: str) -> None:
    """A folder that holds anything else is refused by the name of what it is, before a byte of it is read."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "sub").mkdir()
    odd = folder / "sub" / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        target = {"itself": folder, "nowhere": tmp_path / "nowhere"}.get(kind.rsplit(maxsplit=1)[-1], Path("/dev/zero"))
        odd.symlink_to(target)
    for look in (source_files.digest, source_files.size_of, Store(tmp_path / "cache").admit):
        with pytest.raises(ArtifactError, match="sub/odd is a") as error:
            look(folder)
        assert code_of(error) == "not-a-file"


@pytest.mark.parametrize("name", ["pipe", "device", "socket"])
def test_what_is_no_file_is_not_located(tmp_path: Path, name: str) -> None:
    """A pipe, a device and a socket are refused by name and not waited for."""
    path = tmp_path / "m.onnx"
    if name == "pipe":
        os.mkfifo(path)
    elif name == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    with pytest.raises(ArtifactError, match=f"is a {name}") as error:
        source_files.locate(tmp_path, "m.onnx")
    assert code_of(error) == "not-a-file"


def test_a_file_that_grows_ends(tmp_path: Path) -> None:
    """No more is read of a file than it had when it was opened."""
    path = tmp_path / "m"
    path.write_bytes(b"x" * files.CHUNK_BYTES)
    reading = files.blocks(path)
    assert len(next(reading)) == files.CHUNK_BYTES
    with path.open("ab") as more, pytest.raises(files.TooLongError, match="grew"):
        more.write(b"y")
        more.flush()
        list(reading)


def test_a_sparse_artifact_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A file that says it is larger than the cache may be is refused by its size."""
    with (tmp_path / "m").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(ArtifactError, match="1,099,511,627,776 bytes") as error:
        Store(tmp_path / "cache").admit(tmp_path / "m")
    assert code_of(error) == "too-large-to-keep"


def generation(home: Path, name: str, kept: StoredArtifact, age_s: float) -> None:
    """Write a generation that names an artifact, and make both as old as that."""
    folder = home / "state/generations"
    folder.mkdir(parents=True, exist_ok=True)
    found = Manifest(key=name, loader="stub", artifact=kept)
    data = msgspec.json.encode(snapshot.make(RegistrySpec(routes=()), {name: found}))
    for path in (folder / f"{name}.json", home / "state" / state_files.COMMITTED):
        path.write_bytes(data)
        then = time.time() - age_s
        os.utime(path, (then, then))
        os.utime(Path(kept.path).parent, (then, then))


def test_room_is_made_for_what_is_needed_now(tmp_path: Path) -> None:
    """Beyond its budget the cache gives up unnamed bytes, then older generations', never the committed one's."""
    kept = {}
    for number, name in enumerate(("unnamed", "older", "newer", "committed")):
        (tmp_path / name).write_bytes(name.encode() * 100_000)
        kept[name] = Store(tmp_path / "cache").keep(tmp_path / name, source_files.digest(tmp_path / name)[0])
        if name != "unnamed":
            generation(tmp_path, name, kept[name], age_s=9000 - number)
    os.utime(Path(kept["unnamed"].path).parent, (1, 1))

    def ask(size: int) -> set[str]:
        path = tmp_path / f"new-{size}"
        path.write_bytes(b"n" * size)
        Store(tmp_path / "cache", 3_300_000).keep(path, source_files.digest(path)[0])
        return {name for name, one in kept.items() if Path(one.path).exists()}

    assert ask(500_000) == set(kept)
    assert ask(500_001) == {"older", "newer", "committed"}
    assert ask(800_000) == {"newer", "committed"}
    with pytest.raises(ArtifactError, match="more than there is room for") as error:
        ask(2_500_000)
    assert code_of(error) == "cache-full"
    assert {name for name, one in kept.items() if Path(one.path).exists()} == {"newer", "committed"}


def test_what_nobody_names_is_deleted_after_a_day(tmp_path: Path) -> None:
    """After a commit old bytes without a generation go; named ones and young ones stay."""
    kept = {}
    for name in ("unnamed", "named", "young"):
        (tmp_path / name).write_text(name)
        kept[name] = Store(tmp_path / "cache").keep(tmp_path / name, source_files.digest(tmp_path / name)[0])
    generation(tmp_path, "named", kept["named"], age_s=200_000)
    os.utime(Path(kept["unnamed"].path).parent, (1, 1))
    Store(tmp_path / "cache").prune()
    assert {name for name, one in kept.items() if Path(one.path).exists()} == {"named", "young"}


def _linked(path: Path, target: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    return path.parent / target


#: What stands where the cache, or a folder of it, is to be -> what makes it so, words of the fault, what its fix does.
OBSTACLES: Final[dict[str, tuple[Callable[[Path], Any], str, str, Callable[[Path], Any]]]] = {
    "a link to nothing, its folder made": (
        lambda cache: cache.symlink_to(cache.parent / "unmounted" / "cache"),
        "is a link to {folder}/unmounted/cache, which is not there",
        "make the folder {folder}/unmounted/cache, or delete the link",
        lambda cache: (cache.parent / "unmounted" / "cache").mkdir(parents=True),
    ),
    "a link to nothing, deleted": (
        lambda cache: cache.symlink_to(cache.parent / "gone"),
        "is a link to {folder}/gone, which is not there",
        "or delete the link",
        Path.unlink,
    ),
    "a link to a link to nothing": (
        lambda cache: _linked(_linked(cache, "other"), "gone"),
        "is a link to {folder}/gone, which is not there",
        "make the folder {folder}/gone, or delete the link",
        lambda cache: (cache.parent / "gone").mkdir(),
    ),
    "a link to itself": (lambda cache: cache.symlink_to(cache), "leads to itself", "delete the link", Path.unlink),
    "a folder within that is a link": (
        lambda cache: _linked(cache / "artifacts", "../gone"),
        "cache/artifacts is a link to {folder}/gone",
        "make the folder {folder}/gone",
        lambda cache: (cache.parent / "gone").mkdir(),
    ),
    "a file": (lambda cache: cache.write_text("x"), "is a file, not a folder", "move it away", Path.unlink),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_keeps_the_cache_from_being_written_is_named_and_mended(tmp_path: Path, name: str) -> None:
    """No place for copies is told with what stands in its way; once that is mended as it says, the copy is kept."""
    cause, why, hint, mend = OBSTACLES[name]
    folder, cache = tmp_path.resolve(), tmp_path.resolve() / "cache"
    (folder / "m").write_text("x")
    sha256 = source_files.digest(folder / "m")[0]
    cause(cache)
    with pytest.raises(ArtifactError) as error:
        Store(cache).keep(folder / "m", sha256)
    assert code_of(error) == "cache-unwritable"
    assert why.format(folder=folder) in error.value.message
    assert hint.format(folder=folder) in str(error.value.hint)
    mend(cache)
    assert Path(Store(cache).keep(folder / "m", sha256).path).read_text() == "x"


def test_files_of_one_model_lie_in_one_folder_in_their_order(tmp_path: Path) -> None:
    """Another order, name or content is another version; the files keep their names, two of one name their places."""
    first, second = tmp_path / "a" / "model.pkl", tmp_path / "b" / "model.pkl"
    for path, text in ((first, "scaler"), (second, "model")):
        path.parent.mkdir()
        path.write_text(text)
    store = Store(tmp_path / "cache")
    hashes = [source_files.digest(path)[0] for path in (first, second)]
    stored = bundle_folders.keep(store, [first, second], hashes)
    assert [path.read_text() for path in bundle_folders.parts_in(Path(stored.path))] == ["scaler", "model"]
    assert [(part.origin, part.sha256) for part in stored.sources] == [
        (str(first), hashes[0]),
        (str(second), hashes[1]),
    ]
    assert stored.size_bytes == len("scaler") + len("model")
    turned = bundle_folders.keep(store, [second, first], hashes[::-1])
    assert turned.sha256 != stored.sha256
    second.write_text("changed")
    with pytest.raises(ArtifactError) as caught:
        bundle_folders.keep(store, [first, second], [hashes[0], "0" * 64])
    assert caught.value.code == "artifact-changing"
