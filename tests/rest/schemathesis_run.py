"""Runs schemathesis against a gateway. States no law of its own."""

import os
import subprocess
import sys
from pathlib import Path

from serving import Gateway

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def schemathesis(
    server: Gateway, tmp_path: Path, *arguments: str, timeout_s: float, document: Path | None = None, **environment: str
) -> str:
    """
    Run schemathesis against a gateway and return the summary; no worker may be lost.

    It sends the key of the gateway, if there is one; with a `document` out of a file it has none.

    Whatever it must not expect stands with its reason in schemathesis.toml.
    """
    server.load_explainers()
    workers, address = server.workers(), f"http://127.0.0.1:{server.port}"
    done = subprocess.run(
        [
            BIN / "schemathesis",
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            document or f"{address}/openapi.json",
            f"--url={address}",
            "--no-color",
            *([f"--header=Authorization: Bearer {server.key}"] if server.key and document is None else []),
            *arguments,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "schemathesis_hooks", **environment},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert server.workers() == workers
    return done.stdout[done.stdout.rfind(" SUMMARY ") :]
