"""End the gateway of the cluster and its nodes, and delete their files: `make cluster-stop`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cluster import nodes, overlay
from cluster.plan import ROOT
from cluster.start import HOME
from gateway.process.pm2.home import REMEMBERED


def main() -> int:
    """Stop whatever of it runs."""
    if not HOME.exists() and not overlay.is_made():
        print("cluster: none runs here")
        return 0
    subprocess.run([ROOT / "scripts" / "pm2.sh", "down"], env=os.environ | {"GATEWAY_HOME": str(HOME)}, check=False)
    nodes.stop(HOME)
    if overlay.is_made():
        overlay.FILE.unlink()
    for folder in (*_folders_of_pm2(), HOME):
        shutil.rmtree(folder, ignore_errors=True)
    if not any(HOME.parent.iterdir()):
        HOME.parent.rmdir()
    print("cluster: stopped, nothing of it is left")
    return 0


def _folders_of_pm2() -> list[Path]:
    """Return PM2's home where it is another folder, because the path of this one is too long for its sockets."""
    note = HOME / REMEMBERED
    return [Path(note.read_text(encoding="utf-8").strip())] if note.exists() else []


if __name__ == "__main__":
    sys.exit(main())
