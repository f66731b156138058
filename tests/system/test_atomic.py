"""Files are replaced whole, however many write at once and whoever is killed meanwhile."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.system.atomic import forget_drafts, replace_bytes, replacing


def test_two_writers_never_share_a_draft(tmp_path: Path) -> None:
    """Each replacement has its own draft: two of one thread, held open at once, do not meet."""
    path = tmp_path / "m.json"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_many_threads_leave_one_whole_file(tmp_path: Path) -> None:
    """Whatever order the writers come in, the file is what one of them wrote, and no draft is left."""
    path = tmp_path / "m.json"
    texts = [bytes([65 + i]) * 100_000 for i in range(8)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda text: replace_bytes(path, text, durable=True), texts * 5))
    assert path.read_bytes() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_writer_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    """An exception while writing keeps what was there."""
    path = tmp_path / "m.json"
    replace_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as draft:
        draft.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_drafts_of_the_dead_are_forgotten(tmp_path: Path) -> None:
    """What a killed process left is deleted; the draft of a living one is its own."""
    path = tmp_path / "m.compiled"
    code = (
        "import os, sys; from pathlib import Path; from gateway.system.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as draft: draft.write_bytes(b'x'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with replacing(path) as mine:
        mine.write_bytes(b"mine")
        forget_drafts(path)
        assert list(tmp_path.iterdir()) == [mine]
