"""`registry.cluster.yaml`: the registry with one line more, by which all of its models run on the cluster."""

import stat
from pathlib import Path
from typing import Final

import yaml

from cluster import plan
from cluster.plan import ROOT, Cluster
from gateway.errors import GatewayError

#: Beside registry.yaml, so that the paths in it hold.
FILE: Final = ROOT / "registry.cluster.yaml"
_FIRST_LINE: Final = "# Made by `make cluster` from registry.yaml, and deleted by `make cluster-stop`.\n"


def write(home: Path, cluster: Cluster) -> Path:
    """Write the overlay of the registry of this repository and return its path."""
    if FILE.exists() and not is_made():
        raise GatewayError(f"{FILE.name} is not one that `make cluster` has made", hint="give it another name")
    text = (ROOT / "registry.yaml").read_text(encoding="utf-8")
    FILE.write_text(_FIRST_LINE + moved(text, home, cluster), encoding="utf-8")
    return FILE


def moved(registry: str, home: Path, cluster: Cluster) -> str:
    """Return a registry all of whose models run on the cluster."""
    line = f"executor: {executor(home, cluster)}"
    if "defaults" in yaml.safe_load(registry):
        raise GatewayError("registry.yaml has `defaults` of its own", hint=f"add to them: {line}")
    return f"{registry.rstrip()}\n\ndefaults:\n  {line}\n"


def executor(home: Path, cluster: Cluster) -> str:
    """Return the executor of all models as YAML."""
    return (
        f"{{kind: ray, address: '{cluster.address}', token: {plan.token_file(home)}, "
        f"environment: {_environment(home, cluster)}, replicas: 2, num_cpus: 0.5, max_ongoing: 8}}"
    )


def is_made() -> bool:
    """Say whether the file is ours to delete."""
    return FILE.exists() and FILE.read_text(encoding="utf-8").startswith(_FIRST_LINE)


def _environment(home: Path, cluster: Cluster) -> Path:
    """Return the environment of the bridge: where nodes have namespaces, one whose Python starts beside the head."""
    if not cluster.head.inside:
        return plan.RAY_PYTHON.parents[1]
    python = home / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec {" ".join(cluster.head.inside)} "{plan.RAY_PYTHON}" "$@"\n')
    python.chmod(stat.S_IRWXU)
    return python.parents[1]
