"""Start three Ray nodes and a gateway that serves the five models on them: `make cluster`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from cluster import namespaces, nodes, overlay, plan, serving
from cluster.plan import ROOT, Cluster
from gateway.errors import GatewayError

HOME: Final = ROOT / ".gateway" / "cluster"


def main() -> int:
    """Start what does not run yet."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--port", type=int, default=6379, help="the head's; the nodes use 120 above it (default: 6379)")
    parser.add_argument("--network", choices=["auto", "namespaces", "loopback"], default="auto")
    options = parser.parse_args()
    try:
        cluster = _cluster(HOME, options.port, options.network)
        registry = overlay.write(HOME, cluster)
    except GatewayError as error:
        sys.stderr.write(f"cluster: {error.message}\n" + (f"  fix: {error.hint}\n" if error.hint else ""))
        return 1
    code = serving.start(HOME, registry)
    print(f"\nits own status and logs: GATEWAY_HOME={HOME.relative_to(ROOT)} make status    (or logs, monit)")
    print("the end of all of it:    make cluster-stop")
    return code


def _cluster(home: Path, port: int, network: str) -> Cluster:
    """Return the cluster that runs, or start one."""
    known = plan.read(home)
    if known is not None and known.keepers and all(keeper.is_alive for keeper in known.keepers):
        print(f"cluster: runs already on {known.address}")
        return known
    nodes.stop(home)
    serving.must_be_free()
    why_not = "" if network == "loopback" else namespaces.why_not()
    if why_not and network == "namespaces":
        raise GatewayError(why_not, hint="make cluster CLUSTER_NETWORK=loopback")
    apart = network != "loopback" and not why_not
    where = "a network namespace each" if apart else f"processes on loopback{f' ({why_not})' if why_not else ''}"
    print(f"cluster: starting three Ray nodes, {where}: half a minute", flush=True)
    cluster = nodes.start(home, port, apart=apart)
    print(f"cluster: three nodes on {cluster.address}, logs in {home / 'logs'}", flush=True)
    return cluster


if __name__ == "__main__":
    sys.exit(main())
