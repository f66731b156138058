"""
`ray start` for several nodes of one machine, in the environment of the nodes.

Ray refuses a second node where nodes keep to loopback, refuses a head whose old nodes still run on the same machine,
and opens a port for clients of Ray, which no token guards and nothing here needs.
"""

import os
import sys

from ray._private import ray_constants, services
from ray.scripts import scripts


def main() -> None:
    """Start a node with the options of the command line."""
    services.find_gcs_addresses = set
    scripts.get_ray_client_dependency_error = lambda: "no clients of that kind here"
    if os.environ.get(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR) == "0":
        # Of this process alone: its children read the variable, and stay on loopback.
        ray_constants.ENABLE_RAY_CLUSTER = True
        services.resolve_ip_for_localhost = lambda host: host
    sys.argv = ["ray", "start", *sys.argv[1:]]
    scripts.main()


if __name__ == "__main__":
    main()
