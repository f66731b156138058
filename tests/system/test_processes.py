"""Processes by pid and start time, and the memory that they hold."""

import os
import subprocess
import sys

from gateway.system import memory, processes


def test_a_process_is_itself_until_it_ends() -> None:
    """A process is alive under its own start time only, and no longer when it is a zombie."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = processes.started(child.pid)
    assert began
    assert processes.is_alive(child.pid, began)
    assert not processes.is_alive(child.pid, began + 1), "the pid was given to another process"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.started(child.pid) is None, "a zombie"
    assert not processes.is_running(child.pid)
    child.communicate()
    assert not processes.is_alive(child.pid, began)


def test_no_pid_is_no_process() -> None:
    """Numbers that name no process are told apart from a process, whatever was noted as its start."""
    for pid in (0, -1, 2**22 + 1, 10**30):
        assert not processes.is_running(pid)
        assert not processes.is_alive(pid, 0)
    assert processes.is_alive(os.getpid(), processes.own_start())


def test_memory_is_told_in_bytes() -> None:
    """64 MB that were written to are resident; the address space is larger, the proportional share not."""
    before = memory.resident_bytes()
    block = bytearray(b"x" * (64 * 2**20))
    grown = memory.resident_bytes(os.getpid())
    assert grown - before > 60 * 2**20
    assert memory.address_space_bytes() > grown
    proportional = memory.proportional_bytes()
    assert proportional is not None
    assert len(block) < proportional < memory.resident_bytes() + 2**20
    assert memory.resident_bytes(2**22 + 1) == 0
