"""Where the model of a route runs, and how its model server is: for the catalog, /health and /metrics."""

from typing import Any

from gateway.artifacts.manifest import Manifest
from gateway.scoreboard.status import ServerStatus, Status


def servers_of(manifest: Manifest, status: Status) -> list[ServerStatus]:
    """Return the processes of the model server of a route; none where its model runs in the workers or elsewhere."""
    remote = manifest.remote
    return status.servers_named(remote.child.name) if remote is not None and remote.child is not None else []


def executor_report(manifest: Manifest, status: Status) -> dict[str, Any]:
    """
    Return the kind of executor, and for a model server of ours how it is.

    `state` is ready, degraded (not all instances are), or that of its first instance; `reason` is that of the last end.
    """
    remote = manifest.remote
    if remote is None:
        return {"kind": "local"}
    report: dict[str, Any] = {"kind": remote.kind}
    if remote.child is None:
        return report | {"servers": list(remote.urls), "model": remote.model}
    told = [one for one in servers_of(manifest, status) if one.state != "ending"]
    ready = [one for one in told if one.state == "ready"]
    state = "ready" if len(ready) == remote.child.instances else "degraded"
    report |= {
        "instances": remote.child.instances,
        "ready": len(ready),
        "state": state if ready else (told[0].state if told else "starting"),
        "restarts": sum(one.restarts for one in told),
        "memory_mb": sum(one.memory_mb for one in told),
        "pids": [one.pid for one in told if one.pid],
    }
    if reasons := [one.reason for one in told if one.reason]:
        report["reason"] = reasons[-1]
    return report
