"""A gateway under this project's PM2, in a home and on a port of its own."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving import ROOT, Gateway, free_port, processes_of, until


class Managed(Gateway):
    """Drive `scripts/pm2.sh` with the settings of this gateway."""

    def pm2(self, *words: str, timeout_s: float = 180.0) -> str:
        """Run one PM2 command (or up, down, status) and return what it printed."""
        done = subprocess.run(
            [ROOT / "scripts/pm2.sh", *words],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"pm2 {' '.join(words)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def apps(self) -> dict[str, Any]:
        """Return what PM2 says of its apps, by name."""
        lines = [line for line in self.pm2("jlist").splitlines() if line.startswith("[{")]
        return {app["name"]: app for app in json.loads(lines[-1])} if lines else {}

    @property
    def arbiter(self) -> int:
        """Return the process id of the arbiter of now."""
        return int(self.apps()["gateway"]["pid"])

    def figures(self) -> dict[str, str]:
        """Return the custom metrics that `pm2 monit` shows."""
        return {name: found["value"] for name, found in self.apps()["gateway"]["pm2_env"]["axm_monitor"].items()}


@contextlib.contextmanager
def managed(home: Path, registry: Path, **settings: Any) -> Iterator[Managed]:
    """Start it with PM2 and stop it again; nothing may be left."""
    named = {f"GATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
    server = Managed(home=home, registry=registry, port=free_port(), settings=named)
    try:
        server.pm2("up")
        yield server
        server.pm2("down")
        until(lambda: not processes_of(home), 20, what="the end of every process")
    finally:
        for process in processes_of(home):
            with contextlib.suppress(Exception):
                os.kill(process.pid, 9)
