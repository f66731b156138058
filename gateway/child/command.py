"""The command line of the server: confines the process before anything else is imported."""

from __future__ import annotations

import argparse
import importlib
import logging
import os

from . import confinement, log_lines

log = logging.getLogger("gateway.child")


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; return the exit code."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="serve.py", description="Serve one model on a Unix socket.")
    parser.add_argument("--spec", required=True, help="file of JSON that says which model")
    parser.add_argument("--socket", required=True, help="path of the socket to listen on")
    parser.add_argument("--network", action="store_true", help="leave the network to the model")
    asked = parser.parse_args(arguments)
    network = "open" if asked.network else confinement.without_network()
    confinement.end_with_parent(parent)
    log_lines.start_logging()
    # Not before: NumPy may start threads, which a process that is being confined must not have.
    try:
        serving = importlib.import_module(".running", __package__)
    except ImportError as error:
        log.critical("the environment lacks what every model needs: %s", error)
        return 2
    code: int = serving.run(asked.spec, asked.socket, network)
    return code
