"""
Whose a home of run-time state is: what another user writes there, root above all, its gateway could not read.

So commands that write there are refused to anybody else, with the line that gives them as that user.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from gateway.cli.running_settings import running_pid
from gateway.errors import GatewayError
from gateway.settings.settings import Settings
from gateway.system import files
from gateway.system.own_python import module_words
from gateway.system.users import name_of

_ROOT: Final = 0
_ALL: Final = os.R_OK | os.W_OK | os.X_OK


def user_of_home(settings: Settings) -> int:
    """Return the user whose gateway serves from a home, or served last; this user where none ever did."""
    running = _user_of(running_pid(settings))
    if running is not None:
        return running
    found = files.stat_of(settings.state_dir)
    return os.geteuid() if found is None else found.st_uid


def must_be_own(settings: Settings) -> None:
    """Raise GatewayError where the home is one of another user."""
    if fault := of_another(settings):
        raise fault


def of_another(settings: Settings) -> GatewayError | None:
    """Return the fault of a home of another user, with the command line of this process given as that user."""
    user = user_of_home(settings)
    if user == os.geteuid():
        return None
    return GatewayError(
        f"{settings.home} is the home of a gateway of {name_of(user)}, which could not read what "
        f"{name_of(os.geteuid())} writes there",
        code="other-user",
        hint=shlex.join([*_become(user), *_own_words()]),
    )


def closed(settings: Settings) -> GatewayError | None:
    """Return the fault of a home that this user cannot use; None of one that is open to it, or is not there yet."""
    found = files.stat_of(settings.home)
    if found is None or os.access(settings.home, _ALL, effective_ids=True):
        return None
    home, me = shlex.quote(str(settings.home)), os.geteuid()
    return GatewayError(
        f"{settings.home} belongs to {name_of(found.st_uid)}, and {name_of(me)} may not use it",
        code="home",
        hint=f"let {name_of(me)} own it, as root: chown -R {me} {home}",
    )


def handing_over(settings: Settings) -> str:
    """Return how to hand a home over where root has just made it in a folder of another user, '' elsewhere."""
    parent = files.stat_of(settings.home.parent)
    if os.geteuid() != _ROOT or parent is None or parent.st_uid == _ROOT:
        return ""
    home = shlex.quote(str(settings.home))
    return f"it belongs to root: where {name_of(parent.st_uid)} runs the gateway, chown -R {parent.st_uid} {home}"


def _user_of(pid: int) -> int | None:
    """Return the effective user of a process; its files in /proc belong to root where it may not be looked into."""
    try:
        text = Path(f"/proc/{pid}/status").read_text() if pid else ""
    except OSError:
        return None
    return next((int(line.split()[2]) for line in text.splitlines() if line.startswith("Uid:")), None)


def _own_words() -> list[str]:
    """Return the command line of this process, such that it can be pasted."""
    program, *words = sys.argv
    return [program, *words] if os.access(program, os.X_OK) else module_words("gateway", *words)


def _become(user: int) -> list[str]:
    """Return the words that give a command as another user; only those of root keep the variables of the shell."""
    name = name_of(user)
    if os.geteuid() == _ROOT and shutil.which("runuser") and not name.startswith("user "):
        return ["runuser", "-u", name, "--"]
    return ["sudo", "-u", f"#{user}" if name.startswith("user ") else name]
