"""End the gateway of the cluster and its nodes, and delete their files: `make cluster-stop`."""

import os
import shutil
import subprocess
import sys

from cluster import nodes, overlay
from cluster.plan import ROOT
from cluster.start import HOME


def main() -> int:
    """Stop whatever of it runs."""
    if not HOME.exists() and not overlay.is_made():
        print("cluster: none runs here")
        return 0
    subprocess.run([ROOT / "scripts" / "pm2.sh", "down"], env=os.environ | {"GATEWAY_HOME": str(HOME)}, check=False)
    nodes.stop(HOME)
    if overlay.is_made():
        overlay.FILE.unlink()
    shutil.rmtree(HOME, ignore_errors=True)
    print("cluster: stopped, nothing of it is left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
