"""What `gateway doctor` finds out of the servers that routes ask: it asks each of them."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.artifacts.remote import Remote
from gateway.cli.diagnosis import Diagnosis
from gateway.errors import GatewayError
from gateway.executors.oip_metadata import must_fit
from gateway.executors.readiness import Readiness
from gateway.executors.upstream_client import client_of
from gateway.generations import snapshot
from gateway.h2o_server.binary_model import find_model, read_version
from gateway.prepare import h2o_server_entry, ray_entry
from gateway.prepare.upstream import remote_of
from gateway.process.model_servers import folders
from gateway.registry.load import load_registry
from gateway.registry.spec import RouteSpec
from gateway.scoreboard import status
from gateway.scoreboard.status import ServerStatus
from gateway.settings.settings import Settings
from gateway.system import processes
from gateway.system.egress import Egress
from gateway.system.judged_connection import connect
from gateway.system.unix_http import UnixConnection

#: Seconds that a server has to answer.
ASK_S: Final = 3.0
_AT_ONCE: Final = 16
_MOST_BYTES: Final = 4 * 2**20


def server_checks(settings: Settings) -> Iterator[Diagnosis]:
    """Ask the servers of the registry's routes, and the processes of models of the gateway that runs here."""
    try:
        routes = load_registry(settings.registry).routes
    except GatewayError:  # told by another check
        routes = ()
    served = snapshot.committed(settings.state_dir)
    manifests = served.manifests if served is not None else {}
    asked: list[Callable[[], Diagnosis]] = []
    for spec in routes:
        if spec.executor.kind == "upstream":
            prepared = manifests[spec.name].remote if spec.name in manifests else None
            asked += [partial(_upstream, spec, url, prepared) for url in spec.executor.url]
        elif spec.executor.kind == "h2o_server":
            asked.append(partial(_h2o_server, spec))
        elif spec.executor.kind == "ray":
            asked.append(partial(_cluster, spec, settings.cache_dir))
    names = {
        remote.child.name: name
        for name, manifest in manifests.items()
        if (remote := manifest.remote) is not None and remote.child is not None
    }
    report = status.read(settings.status_path)
    if names and processes.is_alive(report.pid, report.began):
        folder = folders.of(settings, report.pid)
        asked += [partial(_process, one, folder, names) for one in report.servers if one.state != "ending"]
        asked += [
            partial(_deployed, name, remote.model, folder / f"{remote.child.name}-0.sock")
            for name, manifest in manifests.items()
            if (remote := manifest.remote) is not None and remote.kind == "ray" and remote.child is not None
        ]
    if asked:
        with ThreadPoolExecutor(_AT_ONCE, "doctor") as pool:
            yield from pool.map(lambda ask: ask(), asked)


def _upstream(spec: RouteSpec, url: str, prepared: Remote | None) -> Diagnosis:
    """Ask one server for the metadata of the model, and compare them with what was prepared."""
    remote = replace(remote_of(spec, binary=False), urls=(url,))
    what = f"server {url} of {spec.path}"
    try:
        client = client_of(remote)
        try:
            deadline = time.monotonic() + ASK_S
            told: Mapping[str, Any] = client.metadata(deadline)[url]
            reason = client.ready(deadline)
        finally:
            client.close()
        if prepared is not None and prepared.tensors is not None and prepared.model == remote.model:
            must_fit(prepared.tensors, told)
    except GatewayError as error:
        is_away, hint = error.code == "executor-unavailable", "start it, or correct `url` and `model` of the route"
        return Diagnosis(False, f"{what}: {error.message}", hint if is_away else error.hint or hint)
    if reason:
        return Diagnosis(False, f"{what}: it answers, and is not ready: {reason}", "look at its log")
    return Diagnosis(True, f"{what}: model {remote.model} is ready")


def _h2o_server(spec: RouteSpec) -> Diagnosis:
    """Find the jar and the Java of an H2O server, and the release of the model."""
    what = f"H2O server of {spec.path}"
    try:
        version = read_version(find_model(Path(spec.base) / spec.places[0]))
        jar, java = h2o_server_entry.jar_of(spec, version), h2o_server_entry.find_java()
    except GatewayError as error:
        return Diagnosis(False, f"{what}: {error.message}", error.hint or "")
    return Diagnosis(True, f"{what}: {jar} for a model of H2O {version}, run by {java}")


def _cluster(spec: RouteSpec, cache_dir: Path) -> Diagnosis:
    """Look for the environment and the token of a cluster, and connect to its head."""
    address = spec.executor.address
    what = f"cluster {address} of {spec.path}"
    try:
        ray_entry.child_of(spec, cache_dir)
        host, _, port = address.rpartition(":")
        connect(host.strip("[]"), int(port), Egress(spec.executor.egress), time.monotonic() + ASK_S).close()
    except GatewayError as error:
        return Diagnosis(False, f"{what}: {error.message}", error.hint or "")
    except (OSError, ValueError) as error:
        return Diagnosis(False, f"{what}: no head listens there ({error})", "start it, or correct `address`")
    return Diagnosis(True, f"{what}: its head listens, environment and token are there")


def _deployed(name: str, model: str, path: Path) -> Diagnosis:
    """Ask the bridge whether the cluster serves a model."""
    asking = Readiness(lambda: str(path), model, ASK_S)
    answer = asking.ask()
    asking.close()
    if answer is not None and answer.is_ready:
        return Diagnosis(True, f"model of {name} on the cluster: ready, as {model}{_replicas(path, model)}")
    reason = answer.reason if answer is not None else "the bridge does not answer"
    return Diagnosis(False, f"model of {name} on the cluster: {reason}", "it is deployed again by itself; see the log")


def _replicas(path: Path, model: str) -> str:
    """Return how many replicas of a model run on how many nodes, as the bridge tells; "" where it tells nothing."""
    connection = UnixConnection(str(path), ASK_S)
    try:
        connection.request("GET", "/v2/repository/index")
        told = json.loads(connection.getresponse().read(_MOST_BYTES))
        one = next(one for one in told if one["name"] == model)
        there, nodes = one["replicas"], one["nodes"]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, StopIteration):
        return ""
    finally:
        connection.close()
    if not there:
        return "; no replica runs"
    words = f"{len(there)} replica{'s' * (len(there) != 1)}", f"{len(nodes)} node{'s' * (len(nodes) != 1)}"
    return f"; {words[0]} on {len(set(there))} of {words[1]}"


def _process(one: ServerStatus, folder: Path, names: Mapping[str, str]) -> Diagnosis:
    """Ask the process of a model on its socket."""
    what = f"process {one.instance} of the model of {names.get(one.server, one.server)}"
    path = folder / f"{one.server}-{one.instance}.sock"
    if one.state != "ready":
        fix = "its log lines name the cause; gateway reload --force starts a closed one again"
        return Diagnosis(False, f"{what}: {one.state}{f', {one.reason}' if one.reason else ''}", fix)
    asking = Readiness(lambda: str(path))
    answer = asking.ask()
    asking.close()
    if answer is None or not answer.is_ready:
        reason = answer.reason if answer is not None else "no answer"
        return Diagnosis(False, f"{what}: {path}: {reason}", f"look at process {one.pid}; it is replaced by itself")
    restarts = f", {one.restarts} restart{'s' * (one.restarts != 1)}" if one.restarts else ""
    return Diagnosis(True, f"{what}: ready, pid {one.pid}, {one.memory_mb} MB{restarts}")
