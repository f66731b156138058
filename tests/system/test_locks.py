"""Locks of files between threads and processes."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.system.locks import locked

_HOLD = """
import sys
from pathlib import Path
from gateway.system.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_ends_with_its_killed_holder(tmp_path: Path) -> None:
    """A holder that is killed inside the block leaves no lock behind."""
    path = tmp_path / "state.lock"
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdin=-1, stdout=-1) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        entered = threading.Event()

        def enter() -> None:
            with locked(path):
                entered.set()

        waiter = threading.Thread(target=enter)
        waiter.start()
        assert not entered.wait(0.05), "two holders at once"
        holder.kill()
        waiter.join(30)
    assert entered.is_set()


def test_threads_exclude_each_other_and_readers_do_not(tmp_path: Path) -> None:
    """Shared holders are inside together; an exclusive one of the same process waits for them."""
    path = tmp_path / "names.lock"
    entered = threading.Event()

    def enter() -> None:
        with locked(path):
            entered.set()

    with locked(path, shared=True), locked(path, shared=True):
        waiter = threading.Thread(target=enter)
        waiter.start()
        assert not entered.wait(0.05)
    waiter.join(30)
    assert entered.is_set()


def test_a_folder_is_locked_and_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """Without `create` the path must be there; a lock keeps no descriptor open afterwards."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with locked(tmp_path, create=False):
        pass
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent", create=False):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list(tmp_path.iterdir()) == []
