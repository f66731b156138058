"""Forks and the start of programs keep apart: a worker that is forked meanwhile holds nobody up."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import serving

#: Forks that stay, as workers do, while threads start programs, as the watcher does.
RACE = """
import os, signal, subprocess, sys, threading, time
from gateway.system.fork_lock import FORK_LOCK

def start():
    for _ in range(60):
        with FORK_LOCK:
            child = subprocess.Popen(["true"])
        child.wait()

threads = [threading.Thread(target=start) for _ in range(2)]
for thread in threads:
    thread.start()
forks = []
while any(thread.is_alive() for thread in threads) and len(forks) < 200:
    if (fork := os.fork()) == 0:
        signal.pause()
    forks.append(fork)
    time.sleep(0.005)
for thread in threads:
    thread.join(30)
print(len(forks) > 1, *(thread.is_alive() for thread in threads), flush=True)
for fork in forks:
    os.kill(fork, signal.SIGKILL)
"""


def test_a_program_starts_while_forks_are_made() -> None:
    """No start of a program waits for the end of a process that was forked at the same moment."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.split() == ["True", "False", "False"], done.stderr


#: Starts its process itself, so that whoever makes one holds the lock.
MAKER = "ServerProcess"
STARTING = ("subprocess.", "os.posix_spawn", "os.system", MAKER)


def starts(node: ast.AST, is_locked: bool = False) -> Iterator[bool]:
    """Yield for each start of a program below a node whether the lock is held there."""
    if isinstance(node, ast.With):
        is_locked |= any("FORK_LOCK" in ast.unparse(item) for item in node.items)
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(STARTING):
        yield is_locked
    for child in ast.iter_child_nodes(node):
        yield from starts(child, is_locked)


def test_every_program_is_started_under_the_lock() -> None:
    """Each place that starts a program in a gateway's processes holds the lock; a command forks nothing meanwhile."""
    found = {
        str(path): list(starts(ast.parse(path.read_text(encoding="utf-8"))))
        for path in (serving.ROOT / "gateway").rglob("*.py")
        if path.parent.name != "cli" and f"class {MAKER}:" not in path.read_text(encoding="utf-8")
    }
    assert sum(map(len, found.values())) >= 5
    assert [path for path, held in found.items() if not all(held)] == []
