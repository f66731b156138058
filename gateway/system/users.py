"""Users of the operating system: names the one who runs this process, and the one who logged in for it."""

import os
import pwd
from pathlib import Path
from typing import Final

#: The user of the login that led to this process, whatever `sudo` and `su` did since. The kernel keeps it.
_LOGIN: Final = Path("/proc/self/loginuid")
#: What stands there where nobody logged in: services, containers.
_NOBODY: Final = 2**32 - 1


def acting_user() -> str:
    """Return the name of the user of this process: `alice`, or `alice as gateway` after a change of users."""
    own = name_of(os.getuid())
    login = _login()
    return own if login in ("", own) else f"{login} as {own}"


def _login() -> str:
    try:
        number = int(_LOGIN.read_text())
    except (OSError, ValueError):
        number = _NOBODY
    return os.environ.get("SUDO_USER", "") if number == _NOBODY else name_of(number)


def name_of(number: int) -> str:
    """Return the name of a user; `user 1234` where the system has none for the number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
