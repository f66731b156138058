"""
Keep forks and the start of programs apart, in every thread of this process.

A fork has a copy of each descriptor. One that is made while another thread starts a program holds the pipe which tells
that thread whether the program could be executed, so the thread waits for as long as the fork lives.
"""

import os
import threading
from typing import Final

#: Held while a program starts, and by every `os.fork`; nothing that forks may stand within it.
FORK_LOCK: Final = threading.Lock()

os.register_at_fork(before=FORK_LOCK.acquire, after_in_parent=FORK_LOCK.release, after_in_child=FORK_LOCK.release)
