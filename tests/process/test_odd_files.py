"""Files that are no files, without end, or out of reach: refused by name, and the repair is noticed."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import serving
from gateway.artifacts import code_files
from gateway.registry.load import load_registry
from serving import Gateway, until

REGISTRY = "version: 1\nroutes:\n  /m: {artifact: m.stub, golden: golden.json}\n  /other: other.stub\n"
#: Nothing that a file says of itself may make the arbiter grow by more than this.
MOST_GROWTH = 64 * 2**20


def pipe(path: Path) -> None:
    """Make a pipe without a writer."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """Make a link to a device without an end."""
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    """Make a socket."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path) -> None:
    """Make a file that says it has six terabytes."""
    with path.open("wb") as stream:
        stream.truncate(6 * 10**12)


def folder(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


def loop(path: Path) -> None:
    """Make a link to itself."""
    path.symlink_to(path.name)


def memory(path: Path) -> None:
    """Make a link to what calls itself a regular file and is none."""
    path.symlink_to("/proc/self/mem")


def gone(path: Path) -> None:
    """Make nothing."""


SAID: dict[Callable[[Path], None], str] = {
    pipe: "pipe",
    device: "device",
    listening: "socket",
    sparse: "6,000,000,000,000",
    folder: "folder|no loader is known",
    loop: "symbolic link|Symlink loop",
    memory: "Input/output error",
    gone: "No such file|does not exist",
}
QUICK = [("registry.yaml", pipe), ("m.stub", device)]
EVERY = [(name, kind) for name in ("registry.yaml", "m.stub", "golden.json") for kind in SAID]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve one registry for all tests of this file."""
    place = tmp_path_factory.mktemp("odd")
    (place / "m.stub").write_text('{"inputs": ["a"]}')
    (place / "other.stub").write_text('{"inputs": ["b"]}')
    (place / "golden.json").write_text('{"version": 1, "instances": [{"a": 1.0}], "predictions": [{"value": 1.0}]}')
    (place / "registry.yaml").write_text(REGISTRY)
    (place / "cache").mkdir()
    with serving.running(place / "g", place / "cache", place / "registry.yaml") as found:
        yield found


def told_after(server: Gateway, at: float, results: str, words: str = "") -> Any:
    """Wait for an attempt with one of these results and one of these words; the first may have met half a change."""

    def told() -> Any:
        found = server.health().get("reload")
        is_meant = found and found["at"] > at and found["result"] in results.split("|")
        return is_meant and any(word in found.get("reason", "") for word in words.split("|")) and found

    return until(told, 60, what=f"{results} with {words!r}")


def event_after(server: Gateway, at: float) -> Any:
    """Wait for the next attempt to change what is served."""
    return told_after(server, at, "refused|committed|unchanged")


def remove(path: Path) -> None:
    """Delete whatever lies there."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(*one, id=f"{one[0]}-{one[1].__name__}", marks=[] if one in QUICK else [pytest.mark.slow])
        for one in EVERY
    ],
)
def test_an_odd_file_is_refused_and_its_repair_noticed(
    server: Gateway, name: str, kind: Callable[[Path], None]
) -> None:
    """Nothing waits for it or reads it to its end; other routes go on; the next good file is served."""
    path = server.registry.parent / name
    arbiter = psutil.Process(server.pid)
    saved, rss, at = path.with_suffix(".saved"), arbiter.memory_info().rss, server.health()["reload"]["at"]
    shutil.copyfile(path, saved)
    remove(path)
    try:
        kind(path)
        told = told_after(server, at, "refused", SAID[kind])
        assert server.get("/other", b=2).json == {"prediction": 2.0}
        assert arbiter.memory_info().rss < rss + MOST_GROWTH
    finally:
        remove(path)
        saved.replace(path)
    told_after(server, told["at"], "unchanged|committed")
    assert server.get("/m", a=3).json == {"prediction": 3.0}
    assert arbiter.memory_info().rss < rss + MOST_GROWTH


def test_a_name_too_long_is_a_fault_and_its_repair_noticed(server: Gateway) -> None:
    """`check` names the line; a reload is refused; the watcher sees the next edit."""
    at = server.health()["reload"]["at"]
    server.registry.write_text(REGISTRY + f"  /long: {'x' * 256}.stub\n")
    told = event_after(server, at)
    assert told["result"] == "refused"
    assert "File name too long" in told["reason"]
    checked = server.command("check")
    assert checked.returncode == 78
    assert "registry.yaml:5:10: artifact 'xxx" in checked.stderr
    assert "File name too long" in checked.stderr
    server.registry.write_text(REGISTRY + "  /long: other.stub\n")
    assert event_after(server, told["at"])["result"] == "committed"
    until(lambda: server.get("/long", b=1).status == 200, what="the new route")


def test_other_bytes_of_the_same_size_and_time_are_noticed(server: Gateway) -> None:
    """An artifact whose bytes were changed in place and whose time was set back is another artifact."""
    path, at = server.registry.parent / "other.stub", server.health()["reload"]["at"]
    before = path.stat()
    with path.open("r+b") as stream:
        stream.write(b'{"inputs": ["c"]}')
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert event_after(server, at)["result"] == "committed"
    until(lambda: server.get("/other", c=4).status == 200, what="the other input")


@pytest.mark.parametrize("kind", [pipe, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (device, sparse))])
def test_a_start_with_an_odd_registry_ends(tmp_path: Path, cache: Path, kind: Callable[[Path], None]) -> None:
    """A first start names what is wrong with the registry and ends with 78."""
    kind(tmp_path / "registry.yaml")
    server = serving.make(tmp_path / "g", cache, tmp_path / "registry.yaml")
    for command in ("check", "serve"):
        done = server.command(command)
        assert done.returncode == 78, done.stderr
        assert SAID[kind] in done.stderr


def test_code_behind_a_loop_of_links_is_watched(tmp_path: Path) -> None:
    """Which files the code of a route opened is told whatever its path leads to: the watcher must not stumble."""
    loop(tmp_path / "m.py")
    (tmp_path / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: m.py\n  /n: {'x' * 300}.py\n")
    routes = load_registry(tmp_path / "registry.yaml").routes
    assert [code_files.names_of(spec.base, spec.sources[0], tmp_path) for spec in routes] == [(), ()]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("describe", pipe),
        ("add", sparse),
        pytest.param("describe", device, marks=pytest.mark.slow),
        pytest.param("describe", sparse, marks=pytest.mark.slow),
        pytest.param("add", pipe, marks=pytest.mark.slow),
        pytest.param("add", device, marks=pytest.mark.slow),
    ],
)
def test_commands_refuse_what_is_no_file(
    tmp_path: Path, cache: Path, command: str, kind: Callable[[Path], None]
) -> None:
    """`describe` and `add` name it; nothing is read."""
    server = serving.make(tmp_path / "g", cache, "version: 1\nroutes: {}\n")
    path = tmp_path / f"{kind.__name__}.ubj"
    kind(path)
    done = server.command(command, path, *(["--route", "/x"] if command == "add" else []))
    assert done.returncode == 1, done.stdout
    assert SAID[kind] in done.stderr


@pytest.mark.slow
def test_a_registry_of_very_many_values_is_read_elsewhere(server: Gateway) -> None:
    """Sixteen megabytes of small values take half a gigabyte to read, but none of it in the arbiter."""
    arbiter, at = psutil.Process(server.pid), server.health()["reload"]["at"]
    rss = arbiter.memory_info().rss
    server.registry.write_text("version: 1\nroutes:\n  /m: [" + "a," * 7_500_000 + "a]\n")
    told = until(lambda: (one := server.health()["reload"])["at"] != at and one, 240, what="the refusal")
    assert told["result"] == "refused"
    assert "too-many-values" in told["reason"]
    assert arbiter.memory_info().rss < rss + MOST_GROWTH
    server.registry.write_text(REGISTRY + "  /more: other.stub\n")
    assert event_after(server, told["at"])["result"] == "committed"
    assert arbiter.memory_info().rss < rss + MOST_GROWTH
