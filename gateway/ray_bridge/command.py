"""Listen, keep the applications as the gateway wants them, and serve until SIGTERM."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from gateway.child import confinement, log_lines
from gateway.child.serving import Server
from gateway.ray_bridge.cluster import Cluster
from gateway.ray_bridge.keeping import Keeper
from gateway.ray_bridge.models import Models
from gateway.ray_bridge.peers import Peers
from gateway.ray_bridge.protocol import BridgeProtocol
from gateway.system.egress import Egress

#: A body is a batch of rows as tensors.
_MOST_BODY_BYTES: Final = 256 * 2**20
_MOST_CALLS: Final = 256
_LOOK_S: Final = 0.1
#: Between two looks at whether the head is the same.
_HEAD_S: Final = 1.0

log = logging.getLogger("gateway.ray_bridge")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serve until SIGTERM; the exit code is 1 where the cluster that it was connected to is gone."""
    confinement.end_with_parent(os.getppid())
    log_lines.start_logging()
    parser = argparse.ArgumentParser(prog="gateway-ray", description="Serve models of a gateway on a Ray cluster.")
    parser.add_argument("--address", required=True, help="host and port of the head of the cluster")
    parser.add_argument("--state", type=Path, required=True, help="folder in which its bridges know of each other")
    parser.add_argument("--models", type=Path, required=True, help="file that tells which models are wanted")
    parser.add_argument("--allow", action="append", default=[], help="entry of `server.egress_allow`, repeatable")
    parser.add_argument("--socket", required=True, help="path of the socket to listen on")
    asked = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    models = Models()
    server = Server(
        asked.socket, BridgeProtocol(models).answer, max_concurrency=_MOST_CALLS, max_body_bytes=_MOST_BODY_BYTES
    )
    server.start()
    cluster = Cluster(asked.address, Egress(asked.allow))
    keeper = Keeper(cluster, models, asked.models, Peers(asked.state))
    # The main thread may wait for a head that is gone.
    threading.Thread(target=_end_with_head, args=(cluster,), name="head", daemon=True).start()
    while not stop.wait(_LOOK_S):
        keeper.look(time.monotonic())
    server.stop()
    _end(0)


def _end_with_head(cluster: Cluster) -> NoReturn:
    """End this process when the head was started anew: what is known of the former one is worth nothing."""
    while not cluster.was_replaced():
        time.sleep(_HEAD_S)
    log.error("the head of the cluster was started anew")
    _end(1)


def _end(code: int) -> NoReturn:
    """End at once: applications stay, and threads of Ray may not end."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
