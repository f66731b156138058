"""A program that a thread waits for is no leftover of a model that another thread prepares."""

import sys
from pathlib import Path

from gateway.prepare.child_supervisor import PrepareLimits, supervised
from gateway.system.known_children import KNOWN, known_child


def test_a_program_that_is_waited_for_survives_the_end_of_a_prepare_child(tmp_path: Path) -> None:
    """uv builds an environment while another route is prepared; afterwards nobody is known any more."""
    with known_child([sys.executable, "-c", "input()"], stdin=-1, env={}) as waiting:
        problem, _ = supervised("gateway.prepare.child", b"{}", PrepareLimits(), tmp_path)
        assert problem is not None
        assert waiting.poll() is None
        assert waiting.pid in KNOWN
    assert waiting.returncode is not None
    assert waiting.pid not in KNOWN
