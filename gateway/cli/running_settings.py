"""The settings that a gateway runs with, whatever the shell of a command says."""

import os
from pathlib import Path

from gateway.errors import GatewayError
from gateway.scoreboard import status
from gateway.settings.settings import Settings
from gateway.system import processes


def running_pid(settings: Settings) -> int:
    """Return the process id of the gateway of a home, 0 where none runs."""
    report = status.read(settings.status_path)
    return report.pid if processes.is_alive(report.pid, report.began) else 0


def running_settings(pid: int) -> Settings | None:
    """Return the settings of a running gateway; its environment holds all of them."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if pid else []
        pairs = (os.fsdecode(word).partition("=") for word in words if word)
        return Settings.load({name: value for name, _, value in pairs}) if words else None
    except (OSError, GatewayError):
        return None
