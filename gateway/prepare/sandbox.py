"""
The sandbox of the prepare child: ends it when a model does what no model does while it is read or asked.

It is the second line of defence: the readers admit only what cannot act. If they are wrong, an audit hook sees files
opened for writing, processes, sockets, code compiled from text and foreign functions; the hook cannot be removed. Where
the kernel allows it, the process has no network either.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000

#: Names of events that change files; the paths are among their arguments.
_CHANGES: Final = frozenset(
    {
        "os.chflags", "os.chmod", "os.chown", "os.link", "os.lockf", "os.mkdir", "os.remove", "os.removexattr",
        "os.rename", "os.rmdir", "os.setxattr", "os.symlink", "os.truncate", "os.utime",
    }
)  # fmt: skip
#: Events that neither loading nor predicting causes.
_ENDING: Final = frozenset(
    {
        "builtins.input", "code.__new__", "cpython.PyInterpreterState_New", "function.__new__", "gc.get_objects",
        "gc.get_referents", "gc.get_referrers", "os.chdir", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg",
        "os.posix_spawn", "os.spawn", "os.system", "pickle.find_class", "pty.spawn",
        "resource.prlimit", "resource.setrlimit", "signal.pthread_kill", "subprocess.Popen", "sys.setprofile",
        "sys.settrace", "urllib.Request", "webbrowser.open",
    }
)  # fmt: skip
_ENDING_FAMILIES: Final = ("ftplib", "http", "imaplib", "nntplib", "poplib", "shutil", "smtplib", "socket", "sqlite3")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Libraries that call foreign functions to compute, and the modules that do so.
_FOREIGN: Final = ("threadpoolctl", "xgboost", "lightgbm", "numpy.ctypeslib", "gateway.")
_IMPORTING: Final = "<frozen importlib._bootstrap>"

_released = False


def confine(scratch: Iterable[Path], end: Callable[[str], object]) -> None:
    """Call `end` with the forbidden action, from now on; only files below the scratch folders may be changed."""
    folders = tuple(os.path.realpath(folder) + os.sep for folder in scratch)
    # The bytecode cache of modules is no part of a model.
    sys.dont_write_bytecode = True

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not _released:
            act = _act(event, args, folders)
            if act:
                end(act)

    sys.addaudithook(hook)


def release() -> None:
    """Allow this process to end itself and its children; no code of a model runs any more."""
    global _released
    _released = True


def _act(event: str, args: tuple[Any, ...], scratch: tuple[str, ...]) -> str:
    """Return the forbidden action of an event, or ''."""
    if event == "open":
        path, _, flags = args
        writes = type(path) is not int and bool(flags & _WRITING)
        return f"open {_shown(path)} for writing" if writes and not _is_below(path, scratch) else ""
    if event in _CHANGES:
        paths = [path for path in args if isinstance(path, str | bytes)]
        return "" if all(_is_below(path, scratch) for path in paths) else f"{event} {_shown(paths[0])}"
    if event in {"exec", "compile"}:
        return "" if _is_of_a_module(event, args) else "run code made from text"
    if event.startswith("ctypes."):
        return "" if _is_of_a_library() else "call a foreign function"
    if event in _ENDING or event.partition(".")[0] in _ENDING_FAMILIES:
        return f"{event} {_shown(args[0]) if args else ''}".strip()
    return ""


def _is_below(path: Any, scratch: tuple[str, ...]) -> bool:
    text = os.fsdecode(path)
    return text == os.devnull or (os.path.realpath(text) + os.sep).startswith(scratch)


def _shown(value: Any) -> str:
    return repr(os.fsdecode(value) if isinstance(value, str | bytes) else type(value).__name__)[:200]


def _frames() -> Iterable[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals is not globals():
            yield frame
        frame = frame.f_back


def _is_importing() -> bool:
    return any(frame.f_code.co_filename == _IMPORTING for frame in _frames())


def _is_of_a_module(event: str, args: tuple[Any, ...]) -> bool:
    """
    Return whether code belongs to a module that is being imported, or is only a parsed literal (NumPy's headers of
    arrays).
    """
    if _is_importing():
        return True
    caller = next(iter(_frames()), None)
    return event == "compile" and caller is not None and caller.f_globals.get("__name__") == "ast"


def _is_of_a_library() -> bool:
    """Return whether a library that computes through foreign functions makes this call."""
    for frame in _frames():
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] not in {"ctypes", "_ctypes"}:
            return name.startswith(_FOREIGN) or _is_importing()
    return False


def cut_network() -> str:
    """Leave the network for good and return '', or return why the kernel does not allow it."""
    if sys.platform != "linux":
        return "not Linux"
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWNET) == 0:
        return ""
    user, group = os.geteuid(), os.getegid()
    if library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return os.strerror(ctypes.get_errno())
    # The same user and group ids inside: files stay as readable as before.
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    return ""
