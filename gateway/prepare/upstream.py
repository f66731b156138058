"""
What a server elsewhere tells of its model, kept like an artifact: other bytes are prepared anew.

The parent asks and keeps it; the prepare child turns it into a signature and asks the model itself.
"""

import logging
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.artifacts import copies
from gateway.artifacts.manifest import StoredArtifact
from gateway.artifacts.remote import Remote
from gateway.artifacts.store import Store
from gateway.errors import LoadError, NotReadyError
from gateway.executors.upstream_client import client_of
from gateway.registry.spec import RouteSpec

#: Seconds within which a server has to tell of its model while a registry is prepared.
TELL_S: Final = 5.0
#: Members of metadata that say which model it is.
_KEPT: Final = ("name", "versions", "platform", "inputs", "outputs")
_FILE: Final = "metadata.json"

log = logging.getLogger("gateway.prepare")
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder().decode


def remote_of(spec: RouteSpec, *, binary: bool) -> Remote:
    """Return where the model of a route is, without its tensors."""
    keys, base = spec.executor, Path(spec.base)
    return Remote(
        kind="upstream",
        model=keys.model or spec.name,
        urls=keys.url,
        binary=binary,
        max_rows=keys.max_batch_size,
        headers_from=str(base / keys.headers_from) if keys.headers_from else "",
        ca=str(base / keys.ca) if keys.ca else "",
        egress=keys.egress,
    )


def keep_metadata(spec: RouteSpec, cache_dir: Path, store: Store) -> StoredArtifact:
    """Ask the servers for the metadata of the model, and keep them; raises LoadError if they differ or none answers."""
    client = client_of(remote_of(spec, binary=False))
    deadline = time.monotonic() + TELL_S
    try:
        told = client.metadata(deadline)
        binary = "binary_tensor_data" in client.extensions(deadline)
    except NotReadyError as error:
        # Callers of the route read the message: the address stays in the log.
        extra = {"route": spec.path, "url": list(spec.executor.url), "reason": error.message}
        log.warning("no server tells of the model", extra=extra)
        raise LoadError(
            error.message,
            code="executor-unavailable",
            hint="start it, or correct 'url' and 'model'; then run: gateway reload",
        ) from error
    finally:
        client.close()
    kept = {url: {name: metadata.get(name) for name in _KEPT} for url, metadata in told.items()}
    _must_agree(kept)
    content = _encode({"binary": binary, "metadata": next(iter(kept.values()))})
    with tempfile.TemporaryDirectory(dir=_folder(cache_dir), prefix=".draft-") as folder:
        path = Path(folder) / _FILE
        path.write_bytes(content)
        stored = store.keep(path, sha256(content).hexdigest())
    return replace(stored, origin=spec.executor.url[0])


def read_metadata(path: Path) -> tuple[bool, dict[str, Any]]:
    """Return whether the servers take raw tensors, and the metadata that were kept."""
    found = _decode(path.read_bytes())
    return found["binary"], found["metadata"]


def _folder(cache_dir: Path) -> Path:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise copies.cannot_keep(cache_dir, error) from error
    return cache_dir


def _must_agree(told: Mapping[str, Mapping[str, Any]]) -> None:
    (first, metadata), *others = told.items()
    for url, other in others:
        differing = [name for name in _KEPT if other[name] != metadata[name]]
        if differing:
            log.warning("servers differ", extra={"url": [first, url], "differing": differing})
            raise LoadError(
                f"its servers tell of different models: {', '.join(differing)} differ",
                code="executor-differs",
                hint="put the same version of the model on all servers of the route",
            )
