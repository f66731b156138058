"""
Lets Python code read only the bytes its version was made of: a file that was replaced since is refused when opened.

One audit hook a process, set when the first model with files loads. It holds the threads in which code loads or
predicts (python_context.py); threads that the code starts by itself are free.
"""

import contextlib
import hashlib
import importlib.util
import os
import sys
import threading
from typing import Any

from gateway.errors import NotReadyError
from gateway.loaders.python_context import Code, current, running

_WRITING = os.O_WRONLY | os.O_RDWR
_CHUNK = 1024 * 1024

Print = tuple[int, int, int, int]

_lock = threading.Lock()
_is_set = False
#: What was last seen of a file, and its digest.
_seen: dict[str, tuple[Print, str]] = {}


def begin() -> None:
    """Begin to listen, once a process."""
    global _is_set
    with _lock:
        if not _is_set:
            _is_set = True
            sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    files = current().files
    if event != "open" or not files:
        return
    name, _, flags = arguments
    if not isinstance(name, str | bytes) or (flags or 0) & _WRITING:
        return
    path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - links stay what they are
    if path.endswith(".pyc"):
        with contextlib.suppress(ValueError):
            path = importlib.util.source_from_cache(path)
    wanted = files.get(path)
    if wanted is None:
        return
    with running(Code()):
        found = _digest(path)
    if found != wanted:
        raise NotReadyError(
            f"{path} was replaced after this version of the model was made from it",
            code="file-changed",
            hint="the gateway makes a new version within seconds where GATEWAY_WATCH is on, else: gateway reload",
        )


def _digest(path: str) -> str:
    """Return the sha256 of a file, "" where it is absent; read again only when size, times or inode changed."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ""
    seen = found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
    known = _seen.get(path)
    if known is not None and known[0] == seen:
        return known[1]
    sha = hashlib.sha256()
    with open(path, "rb") as stream:  # noqa: PTH123
        while block := stream.read(_CHUNK):
            sha.update(block)
    _seen[path] = seen, sha.hexdigest()
    return sha.hexdigest()
