"""The user of a change is named, also the one who acts as another."""

import os
import pwd
from pathlib import Path

import pytest

from gateway.system import users

OWN = pwd.getpwuid(os.getuid()).pw_name
OTHER = next(one for one in pwd.getpwall() if one.pw_uid != os.getuid())


@pytest.mark.parametrize(
    ("login", "sudo", "told"),
    [
        (str(2**32 - 1), "", OWN),
        (str(os.getuid()), "root", OWN),
        (str(OTHER.pw_uid), "", f"{OTHER.pw_name} as {OWN}"),
        ("4294900000", "", f"user 4294900000 as {OWN}"),
        (str(2**32 - 1), "alice", f"alice as {OWN}"),
        (None, "alice", f"alice as {OWN}"),
        (None, "", OWN),
    ],
)
def test_the_user_behind_a_change_of_users_is_named(
    login: str | None, sudo: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The login that the kernel keeps counts, else what sudo says; a number without a name is told as one."""
    monkeypatch.setattr(users, "_LOGIN", tmp_path / "loginuid")
    monkeypatch.setenv("SUDO_USER", sudo)
    if login is not None:
        (tmp_path / "loginuid").write_text(login)
    assert users.acting_user() == told
