"""A node takes archives into a folder of its own: verified, once, and kept while a replica holds them; needs no Ray."""

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.ray_bridge.node_folder import VARIABLE, ArchiveError, keep


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a node."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "node"))
    return tmp_path / "node"


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., str]:
    """Return what writes an archive and returns its hash."""
    (tmp_path / "shared").mkdir()

    def write(content: bytes = b"model", name: str = "artifacts/ab/model.onnx") -> str:
        draft = tmp_path / "draft.tar"
        with tarfile.open(draft, "w") as tar:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        sha256 = hashlib.sha256(draft.read_bytes()).hexdigest()
        draft.rename(tmp_path / "shared" / f"{sha256}.tar")
        return sha256

    return write


def test_archive_of_a_shared_folder_is_kept(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """It is read once: a second replica of the node needs no shared folder."""
    sha256 = archive()
    assert (keep(sha256, str(tmp_path / "shared")).folder / "artifacts/ab/model.onnx").read_bytes() == b"model"
    again = keep(sha256, str(tmp_path / "gone"))
    assert again.folder == node / sha256


def test_archive_of_a_url(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """A file server serves nodes that share no folder."""
    sha256 = archive()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "shared"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert (keep(sha256, url).folder / "artifacts/ab/model.onnx").read_bytes() == b"model"
        with pytest.raises(ArchiveError, match="404"):
            keep("0" * 64, url)
        server.shutdown()


def test_other_bytes_are_refused(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """Whoever can write to the shared folder cannot put another model under the name of one."""
    sha256 = archive()
    (tmp_path / "shared" / f"{sha256}.tar").write_bytes(b"another")
    with pytest.raises(ArchiveError, match="holds other bytes"):
        keep(sha256, str(tmp_path / "shared"))
    assert not (node / sha256).exists()


def test_nothing_is_written_outside(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """A name in an archive cannot lead out of its folder."""
    sha256 = archive(name="../outside")
    with pytest.raises(ArchiveError, match="outside"):
        keep(sha256, str(tmp_path / "shared"))
    assert not (node / "outside").exists()


def test_other_schemes_are_refused(node: Path) -> None:
    """A place is a folder or an http address."""
    with pytest.raises(ArchiveError, match="http, https and folders"):
        keep("0" * 64, "file:///etc")


def test_unused_archives_are_forgotten(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """A day after its last start what nobody holds is deleted, and what a replica holds stays."""
    held, left, new = archive(b"held"), archive(b"left"), archive(b"new")
    shared = str(tmp_path / "shared")
    kept = keep(held, shared)
    keep(left, shared)
    for sha256 in (held, left):
        os.utime(node / sha256, (0, 0))
    keep(new, shared)
    assert kept.folder.exists()
    assert not (node / left).exists()


def test_a_url_leads_only_where_connections_may(tmp_path: Path, node: Path, archive: Callable[..., str]) -> None:
    """The list bounds the file server and whatever it redirects to; metadata services are asked never."""
    sha256, reached = archive(), []

    class Elsewhere(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(302)
            target = "http://169.254.169.254" if "/cloud/" in self.path else f"http://127.0.0.1:{files}"
            self.send_header("Location", f"{target}/{sha256}.tar")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "shared"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, ThreadingHTTPServer(("", 0), Elsewhere) as other:
        for one in (server, other):
            threading.Thread(target=one.serve_forever, daemon=True).start()
        files, port = server.server_address[1], other.server_address[1]
        with pytest.raises(ArchiveError, match="not among `egress_allow`"):
            keep(sha256, f"http://127.0.0.1:{port}", ["files:80"])
        assert reached == []
        with pytest.raises(ArchiveError, match="not among `egress_allow`"):
            keep(sha256, f"http://127.0.0.1:{port}", [f"127.0.0.1:{port}"])
        with pytest.raises(ArchiveError, match="metadata"):
            keep(sha256, f"http://127.0.0.1:{port}/cloud")
        assert len(reached) == 2
        assert keep(sha256, f"http://127.0.0.1:{port}", ["127.0.0.0/8"]).folder == node / sha256
        for one in (server, other):
            one.shutdown()
