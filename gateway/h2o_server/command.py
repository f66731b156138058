"""Start the Java server, serve until SIGTERM, and end when it ends."""

import argparse
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.child import confinement, log_lines
from gateway.child.serving import Server
from gateway.h2o_server.java_server import JavaServer, start_java
from gateway.h2o_server.models import ServedModels
from gateway.h2o_server.protocol import Protocols
from gateway.h2o_server.rest_client import H2oError, RestClient

#: A body is a batch of rows as tensors.
_MOST_BODY_BYTES: Final = 256 * 2**20
_MOST_CALLS: Final = 64
_LOOK_S: Final = 0.2
#: Between two looks at whether the server still answers, and how often it may miss.
_PING_S: Final = 5.0
_MOST_MISSED: Final = 4

log = logging.getLogger("gateway.h2o_server")


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; return the exit code, which is 1 when the Java server ended by itself."""
    confinement.end_with_parent(os.getppid())
    log_lines.start_logging()
    parser = argparse.ArgumentParser(prog="gateway.h2o_server", description="Serve binary H2O models.")
    parser.add_argument("--jar", type=Path, required=True, help="h2o.jar of the release that wrote the models")
    parser.add_argument("--java", default="java", help="program that starts Java")
    parser.add_argument("--memory", type=int, required=True, help="most bytes of the Java heap")
    parser.add_argument("--artifacts", type=Path, required=True, help="folder of artifacts by their sha256")
    parser.add_argument("--socket", required=True, help="path of the socket to listen on")
    asked = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="gateway-h2o-", ignore_cleanup_errors=True) as scratch:
        protocols = Protocols(asked.artifacts)
        server = Server(asked.socket, protocols.answer, max_concurrency=_MOST_CALLS, max_body_bytes=_MOST_BODY_BYTES)
        server.start()
        java = start_java(asked.jar, asked.memory, Path(scratch), asked.java)
        try:
            return _serve(java, protocols, server, stop)
        finally:
            java.end()


def _serve(java: JavaServer, protocols: Protocols, server: Server, stop: threading.Event) -> int:
    client = RestClient(java.port, java.password)
    version = _wait(java, client, stop)
    if version is not None:
        protocols.serve(ServedModels(client, version))
        log.info("the H2O server %s is ready", version)
    watch = RestClient(java.port, java.password, timeout_s=_PING_S)
    missed, next_ping = 0, time.monotonic() + _PING_S
    while not stop.wait(_LOOK_S):
        if java.process.poll() is not None:
            log.error("the H2O server ended with %s", java.process.returncode)
            break
        if time.monotonic() >= next_ping:
            missed = 0 if _answers(watch) else missed + 1
            next_ping = time.monotonic() + _PING_S
        if missed >= _MOST_MISSED:
            log.error("the H2O server does not answer any more")
            break
    else:
        server.stop()
        return 0
    # In this order: calls in flight end with Java, and no later one is taken and lost when this process ends.
    java.end()
    server.stop()
    return 1


def _wait(java: JavaServer, client: RestClient, stop: threading.Event) -> str | None:
    """Return the release of the server once it answers; None where it has ended or nobody wants it any more."""
    while java.process.poll() is None and not stop.wait(_LOOK_S):
        try:
            return client.version()
        except (OSError, H2oError, ValueError):
            continue
    return None


def _answers(client: RestClient) -> bool:
    try:
        client.version()
    except (OSError, H2oError, ValueError):
        return False
    return True
