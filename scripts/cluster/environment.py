"""What the processes of a node find in their environment: settings of Ray, and nothing of whoever started them."""

import os
from pathlib import Path

from cluster.plan import Node


def of_node(node: Node, token: Path) -> dict[str, str]:
    """Return the environment of every process of a node."""
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        # Ray writes into the home of its user.
        "HOME": str(node.folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Each step of a rollout would wait for 30 s.
        "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
        # Replicas have a port for this that no token guards; calls between actors are guarded.
        "RAY_SERVE_USE_GRPC_BY_DEFAULT": "0",
        # A node whose link was cut is noticed within 5 s; Ray's own values take 15.
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        # A node ends this long after it lost the head, and is started anew; Ray's own value is 60.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "10",
        "DASHBOARD_METRIC_PORT": str(node.dashboard_metrics_port),
        # num_cpus only schedules: without it each replica takes every core.
        "OMP_NUM_THREADS": "1",
        "GATEWAY_RAY_CACHE": str(node.artifacts),
    }
    if node.on_loopback:
        # Meant for other systems: with it a node listens on loopback alone, without it on every address.
        found["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return found
