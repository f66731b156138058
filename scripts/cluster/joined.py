"""
Wait until nodes have joined: `joined.py ADDRESS COUNT SECONDS`, in the environment of the nodes and beside the head.

Writes nothing if they have; otherwise the reason, and exits with 1.
"""

import logging
import socket
import sys
import time

import ray


def main() -> None:
    """Wait, at most for the seconds of the command line."""
    address, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    deadline = time.monotonic() + seconds
    host, _, port = address.rpartition(":")
    while not _listens(host, int(port)):
        if time.monotonic() > deadline:
            sys.exit(f"nothing listens on {address}")
        time.sleep(0.3)
    alive = 0
    why = ""
    while time.monotonic() < deadline:
        try:
            if not ray.is_initialized():
                ray.init(address, _node_ip_address=host, log_to_driver=False, logging_level=logging.CRITICAL)
            alive = sum(node["Alive"] for node in ray.nodes())
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = str(error)
        if alive >= count:
            return
        time.sleep(0.5)
    sys.exit(why if not alive else f"{alive} of {count} nodes have joined")


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
