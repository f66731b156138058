"""
How the bridge to a Ray cluster is started: which environment, which head, which token.

Runs in the parent, like the rest of the cache key. One bridge serves all models of one cluster. Nothing of Ray is
imported here: its environment is asked in a process of its own.
"""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Final

from gateway.artifacts.remote import ChildSpec
from gateway.environments.environment import digest
from gateway.errors import LoadError
from gateway.registry.spec import RouteSpec
from gateway.system import files
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.gateway_code import source_digest

#: Packages whose code is that of the bridge, beside what preparing runs.
_CODE: Final = ("child", "ray_bridge")
_ASK_S: Final = 30.0
_INSTALL: Final = "install 'multi-model-gateway[ray]' there, or start a cluster of this repository: make cluster"
#: Prints what decides whether the environment fits; metadata only, as Ray itself takes a second to import.
_QUESTION: Final = """
import importlib.metadata as found, json, sys
def version(name):
    try:
        return found.version(name)
    except found.PackageNotFoundError:
        return ""
print(json.dumps([list(sys.version_info[:2]), version("ray"), version("multi-model-gateway")]))
"""
#: How the bridge calls a cluster. Handles call replicas as actors: those calls carry the token, while Serve's own gRPC
#: listens on every address and asks for none.
_SETTINGS: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # it prints a native stack trace when a bridge is told to end
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def child_of(spec: RouteSpec, cache_dir: Path) -> ChildSpec:
    """Return how the bridge is started; raises LoadError for an environment or a token that cannot be used."""
    keys, base = spec.executor, Path(spec.base)
    python = str(base / keys.environment / "bin/python") if keys.environment else sys.executable
    versions = _must_have_ray(python, keys.environment)
    token = _must_be_secret(base / (keys.token or ""))
    state = str(cache_dir / "bridges")
    decides = [keys.address, python, versions, str(token), state, source_digest(_CODE), *keys.egress]
    # Without it Ray takes the outward address of this machine in place of loopback.
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} if keys.address.startswith("127.") else {}
    words = ("--address", keys.address, "--state", state, "--models", "{models}", "--socket", "{socket}")
    egress = tuple(word for one in keys.egress for word in ("--allow", one))
    return ChildSpec(
        name=digest(decides),
        # Isolated, so that no variable and no folder decides what is imported.
        argv=(python, "-I", "-m", "gateway.ray_bridge", *words, *egress),
        environ={
            **_SETTINGS,
            **loopback,
            "HOME": str(cache_dir),
            "RAY_TMPDIR": "/tmp",  # noqa: S108 - where Ray looks for its nodes, whatever TMPDIR says
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "RAY_AUTH_TOKEN_PATH": str(token),
        },
        working_folder=str(cache_dir),
    )


def _must_have_ray(python: str, environment: str | None) -> str:
    """Return the versions of an environment that has Ray, this gateway, and the same Python; raises LoadError."""
    where = f"the environment '{environment}'" if environment else "the Python of the gateway"
    try:
        found, ray, gateway = _versions(python)
    except (OSError, ValueError) as error:
        raise LoadError(
            f"executor.environment: {where} does not run: {str(error)[:300]}", code="ray-environment", hint=_INSTALL
        ) from None
    if not ray or not gateway:
        lacking = "Ray" if not ray else "package multi-model-gateway"
        hint = _INSTALL if environment else f"executor: {{kind: ray, environment: .venv-ray}}, and {_INSTALL}"
        raise LoadError(f"executor.environment: {where} has no {lacking}", code="ray-environment", hint=hint)
    if tuple(found) != sys.version_info[:2]:
        here, there = (".".join(map(str, one)) for one in (sys.version_info[:2], found))
        raise LoadError(
            f"executor.environment: {where} is Python {there}, and models were prepared with {here}",
            code="ray-environment",
            hint=f"make it with python{here}: models must not meet another Python",
        )
    return f"{ray} {gateway}"


@lru_cache(maxsize=8)
def _versions(python: str) -> tuple[list[int], str, str]:
    """Ask a Python for its version, that of Ray and that of the gateway; raises OSError and ValueError."""
    with FORK_LOCK:
        asked = subprocess.Popen(
            [python, "-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    try:
        output, said = asked.communicate(timeout=_ASK_S)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        raise ValueError(f"its Python gives no answer within {_ASK_S:g} s") from None
    if asked.returncode:
        raise ValueError(said.strip().rpartition("\n")[2] or f"its Python exits with {asked.returncode}")
    found, ray, gateway = json.loads(output)
    return list(found), str(ray), str(gateway)


def _must_be_secret(path: Path) -> Path:
    """Return the path of a token that only this user reads; raises LoadError, which tells nothing of the token."""
    seen = files.stat_of(path)
    if seen is None:
        why, hint = "is not there", "start the cluster, which makes it, or copy it from the head; then: chmod 600"
    elif seen.st_uid != os.geteuid():
        why, hint = "belongs to another user", f"chown {os.geteuid()} {path}"
    elif seen.st_mode & 0o077:
        why, hint = "can be read by other users of this machine", f"chmod 600 {path}"
    elif not seen.st_size:
        why, hint = "is empty", "write the token of the cluster into it"
    else:
        return path.absolute()
    raise LoadError(f"executor.token: the file {path.name} {why}", code="ray-token", hint=hint)
