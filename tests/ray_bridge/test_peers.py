"""Two bridges of one gateway know what the other wants, as long as it lives; needs no Ray."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.ray_bridge.peers import Peers

_OTHER = """
import sys, pathlib
from gateway.ray_bridge.peers import Peers
peers = Peers(pathlib.Path(sys.argv[1]))
peers.tell({"theirs"})
print("told", flush=True)
sys.stdin.read()
"""


def test_what_a_living_bridge_wants_counts_until_it_is_killed(tmp_path: Path) -> None:
    """The lock of its file ends with it, also by a kill -9, and its file is deleted."""
    mine = Peers(tmp_path)
    mine.tell({"mine"})
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert mine.wanted() == {"mine", "theirs"}
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert mine.wanted() == {"mine"}
    assert [path.name for path in tmp_path.iterdir()] == [f"{os.getpid()}.json"]


def test_fewer_names_replace_more(tmp_path: Path) -> None:
    """What is told is the whole."""
    peers = Peers(tmp_path)
    peers.tell({"one", "two"})
    peers.tell({"two"})
    assert peers.wanted() == {"two"}


def test_owner_is_that_of_the_folder(tmp_path: Path) -> None:
    """Bridges of one gateway own the same applications, those of another home do not."""
    mine = Peers(tmp_path / "mine").owner
    assert Peers(tmp_path / "mine").owner == mine  # the first one has ended
    assert Peers(tmp_path / "other").owner != mine
