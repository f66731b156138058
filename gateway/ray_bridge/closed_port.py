"""
Keep a replica from opening the port of Serve's own gRPC calls: all addresses, no token, and it unpickles what comes.

Whoever reached it would run code. The bridge calls replicas as actors, whose calls carry the token of the cluster, so
nothing needs that port: its server listens on a Unix socket in its place, whose path is deleted at once.
"""

import tempfile
from typing import Any, Final

from ray.serve._private import replica

#: What Serve calls to open it, after the model is loaded.
_NAME: Final = "add_port_to_grpc_server"


def keep_closed() -> None:
    """Let no server of this process listen on a network; raises RuntimeError where this Ray opens ports otherwise."""
    if not hasattr(replica, _NAME):
        raise RuntimeError("this release of Ray opens its ports otherwise than 2.60: install 'ray[serve]==2.60.*'")

    def on_socket(server: Any, address: str) -> int:
        del address
        with tempfile.TemporaryDirectory(prefix="gateway-ray-") as folder:
            number: int = server.add_insecure_port(f"unix:{folder}/unused.sock")
        return number

    setattr(replica, _NAME, on_socket)
