"""
The second half of `gateway serve`: serve the committed generation (`python -m gateway.cli.serve_committed`).

It replaces the process that prepared and committed, so that arbiter and workers have never imported what does that:
the code and the memory of preparing are gone, the process id and its place under a supervisor stay.
"""

import contextlib
import os
import sys
from dataclasses import replace

import click

from gateway.cli.command import OK, Command
from gateway.errors import GatewayError
from gateway.process import server
from gateway.process.environment import configure_process
from gateway.scoreboard import status
from gateway.settings.settings import Settings


@click.command("serve-committed", cls=Command, shows_warnings=False)
@click.option("--pending", is_flag=True, help="try registry.yaml beside serving")
def serve_committed(settings: Settings, *, pending: bool) -> int:
    """Serve the committed generation until SIGTERM or SIGINT."""
    configure_process(settings)
    try:
        server.serve(settings, is_pending=pending)
    except GatewayError as error:
        # `gateway wait` reads it; a full disk must not hide the error itself.
        with contextlib.suppress(OSError):
            report = status.read(settings.status_path)
            status.write(settings.status_path, replace(report, pid=os.getpid(), phase="failed", message=error.message))
        raise
    return OK


if __name__ == "__main__":
    with serve_committed.make_context("gateway", sys.argv[1:]) as context:
        sys.exit(serve_committed.invoke(context))
