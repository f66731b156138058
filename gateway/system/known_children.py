"""
Children of this process that somebody waits for: whoever ends what models left behind must not take them for leftovers.

A program shows no mark until its exec is done, so the pid is noted while nothing else may fork.
"""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any, Final

from gateway.system.fork_lock import FORK_LOCK

#: Their pids; changed and read under FORK_LOCK.
KNOWN: Final[set[int]] = set()


@contextlib.contextmanager
def known_child(words: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """Start a program whose output is text; it has to end in the block, and is killed where it has not."""
    with FORK_LOCK:
        child: subprocess.Popen[str] = subprocess.Popen(words, text=True, errors="replace", **options)
        KNOWN.add(child.pid)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
        with FORK_LOCK:
            KNOWN.discard(child.pid)
