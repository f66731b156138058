"""
Lock that keeps forks and program starts apart across the threads of this process.

A fork inherits a copy of each descriptor. A fork during the start of a program in another thread holds the pipe on
which that thread waits for the result of exec, so the thread would wait for as long as the fork lives.
"""

import os
import threading
from typing import Final

#: Held while a program starts, and by every `os.fork`; nothing that forks may stand within it.
FORK_LOCK: Final = threading.Lock()

os.register_at_fork(before=FORK_LOCK.acquire, after_in_parent=FORK_LOCK.release, after_in_child=FORK_LOCK.release)
