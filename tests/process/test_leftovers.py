"""Temporary files end with what made them: those of a killed process are deleted by its successor or the next start."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gateway.executors.socket_folder import socket_path
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.process.leftovers import delete_leftovers
from gateway.registry.load import load_registry
from gateway.settings.settings import Settings
from gateway.system.owned_folders import MOST_BYTES, OwnedFolders, forget_dead, scratch_folders, temporary_folder
from serving import gone, until

from .model_server_rig import rig, server

TESTS = Path(__file__).parent.parent
#: Programs that hold temporary files of a gateway when they are killed: the last line is what they made.
KILLED = {
    "who prepares models": """
        from gateway.system.owned_folders import scratch
        with scratch(home) as environ:
            (Path(environ["TMPDIR"]) / "model.tar").write_bytes(bytes(1000))
            end(environ["TMPDIR"])
    """,
    "a worker that reads a table": """
        from gateway.codecs.child_reader import IsolatedReader
        from gateway.codecs.chunks import ReadLimits
        import xlsxwriter
        sink = io.BytesIO()
        with xlsxwriter.Workbook(sink) as book:
            book.add_worksheet().write_column(0, 0, ["a", *range(5000)])
        spool = home / "run/spool"
        spool.mkdir(parents=True)
        rows = IsolatedReader("xlsx").read(sink, ReadLimits(scratch=spool))
        next(rows)
        (made,) = spool.iterdir()
        end(made)
    """,
    "a command": """
        from gateway.system.owned_folders import temporary_folder
        with temporary_folder() as folder:
            end(folder)
    """,
    "the arbiter of model servers": """
        from process.model_server_rig import rig, server
        with rig(home) as running:
            running.commit(a=server())
            running.ready()
            end(running.ask("/temporary"))
    """,
}
HEAD = """
import io, os, sys, signal
from pathlib import Path
home = Path(sys.argv[1])

def end(made):
    print(made, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("name", KILLED)
def test_what_a_killed_process_leaves_is_deleted_by_the_next_start(tmp_path: Path, name: str) -> None:
    """A kill -9 leaves files, once: the next start of the gateway finds whose they were."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(KILLED[name]), str(tmp_path)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    made = Path(done.stdout.strip())
    assert made.exists()
    delete_leftovers(Settings(home=tmp_path))
    with rig(tmp_path), temporary_folder():
        assert not made.exists()


def test_a_model_server_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """Its successor starts with an empty folder of its own, and the gateway goes on."""
    with rig(tmp_path / "home") as running:
        running.commit(a=server())
        first = running.ready()
        made = Path(running.ask("/temporary"))
        assert made.exists()
        assert made.is_relative_to(socket_path("tiny", 0).parent)
        os.kill(first.pid, signal.SIGKILL)
        running.ready(but=first.pid)
        assert not made.exists()
        assert Path(running.ask("/temporary")).exists()
    assert not made.parent.parent.exists()


def test_a_model_that_ends_its_process_while_it_is_prepared_leaves_nothing(tmp_path: Path) -> None:
    """What its process has written goes with it."""
    made = tmp_path / "made"
    (tmp_path / "model.py").write_text(
        "import os, tempfile\n"
        "held = tempfile.mkdtemp()\n"
        f"open({str(made)!r}, 'w').write(held)\n"
        "os._exit(3)\n\ndef f(a: float) -> float:\n    return a\n"
    )
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes: {/m: {artifact: 'model.py:f', executor: process}}\n")
    found = prepare_registry(load_registry(tmp_path / "registry.yaml"), tmp_path / "cache", PrepareLimits())
    assert found["m"].problem is not None
    assert found["m"].problem.code == "prepare-crashed", found["m"].problem
    until(lambda: not Path(made.read_text()).exists(), what="the end of its files")
    assert files_below(tmp_path / "run") == []


def test_folders_of_processes_that_run_stay(tmp_path: Path) -> None:
    """Two arbiters of one home, while one takes over, leave each other's files alone."""
    own = scratch_folders(tmp_path).made()
    with subprocess.Popen(["sleep", "600"]) as other:
        theirs = scratch_folders(tmp_path).parent / f"{other.pid}-0"
        theirs.mkdir(mode=0o700, parents=True, exist_ok=True)
        delete_leftovers(Settings(home=tmp_path))
        assert theirs.exists()
        other.kill()
        other.wait()
    until(lambda: gone(other.pid))
    delete_leftovers(Settings(home=tmp_path))
    assert not theirs.exists()
    assert own.exists()


def test_paths_leave_room_for_sockets(tmp_path: Path) -> None:
    """A home with a long path has these folders where temporary files are, and finds them there again."""
    folders = OwnedFolders(tmp_path / ("long" * 20), "gateway-test-")
    made = folders.choose(is_only=True)
    assert len(os.fsencode(made)) <= MOST_BYTES
    made.mkdir(mode=0o700)
    assert folders.of(os.getpid()) == made
    folders.forget_dead()
    assert made.exists()
    made.rmdir()


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """Only a folder that is named as ours, is private, and whose process has ended, is deleted."""
    for name in ("table-x", "table-", "other-1", "table-4194304999-a"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "table-4194304998-a").mkdir()
    (tmp_path / "table-4194304998-a").chmod(0o755)  # whatever the umask
    forget_dead(tmp_path, "table-")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other-1", "table-", "table-4194304998-a", "table-x"]
