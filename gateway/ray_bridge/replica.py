"""One replica: loads a model on a node as a worker of the gateway does, proves its golden rows, and answers for it."""

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from gateway.child.faults import ChildError
from gateway.child.http_messages import Headers, Request
from gateway.child.protocol import Protocol
from gateway.child.schema import Columns, Model
from gateway.child.spec import Spec
from gateway.errors import GatewayError
from gateway.executors.local import LocalExecutor
from gateway.executors.thread_pool import NativePool
from gateway.loaders import package_versions
from gateway.prepare import golden
from gateway.prepare.ray_archive import CODE, GOLDEN, Definition, read
from gateway.ray_bridge import closed_port
from gateway.ray_bridge.node_folder import ArchiveError, KeptArchive, keep
from gateway.registry.load_options import load_options
from gateway.schema import Predictor
from gateway.system.gateway_code import source_digest

#: Predicts of one replica at a time; calls beyond wait for a thread.
_THREADS: Final = 64
#: Calls of one replica at a time: Serve keeps to `max_ongoing` of the route.
_MOST_CALLS: Final = 10_000
_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class NotServedError(Exception):
    """The model cannot be served on this node; the text is for the people who run the cluster."""


class Replica:
    """Answer requests of the Open Inference Protocol for the model `name`, which is in the archive `sha256`."""

    def __init__(self, name: str, sha256: str, place: str, egress: Sequence[str] = ()) -> None:
        closed_port.keep_closed()
        for variable in _VARIABLES:  # before anything of a framework is imported
            os.environ.setdefault(variable, "1")
        try:
            self._kept = keep(sha256, place, egress)
            model = _load(self._kept)
        except (GatewayError, ChildError, ArchiveError, NotServedError) as error:
            raise NotServedError(f"on node {socket.gethostname()}: {error}") from None
        self._protocol = Protocol(Spec(model=name, artifact=sha256, max_concurrency=_MOST_CALLS), "open")
        self._protocol.ready(model)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="predict")

    async def __call__(self, method: bytes, path: bytes, headers: Headers, body: bytes) -> bytes:
        """Return the bytes of an answer; the event loop of the replica goes on meanwhile."""
        request = Request(method, path, headers, True)
        request.body, request.arrived = body, time.monotonic()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._protocol.answer, request)


def _load(kept: KeptArchive) -> Model:
    """Load the model of an archive and prove its golden rows; raises GatewayError and NotServedError."""
    definition = read(kept.folder)
    _must_fit(definition)
    manifest = definition.manifest
    options = load_options(definition.spec, manifest.artifact, kept.folder)
    executor = LocalExecutor(manifest, options, NativePool(1))
    executor.start()
    if definition.has_golden_rows:
        golden.check(kept.folder / GOLDEN, executor.predictor, definition.spec.tolerance)
    return _Served(executor.predictor, manifest.versions)


def _must_fit(definition: Definition) -> None:
    """Raise NotServedError where a node is not what the model was prepared with."""
    if definition.code != source_digest(CODE):
        raise NotServedError("another version of the gateway is installed here: install the one that prepares models")
    here, told = package_versions(definition.manifest.loader), definition.manifest.versions
    other = [
        f"{name} is {version} and was {told[name]}"
        for name, version in here.items()
        if told.get(name, version) != version
    ]
    if other:
        raise NotServedError(f"the model was prepared with other packages: {', '.join(other)}; install the same lock")


class _Served(Model):
    """A predictor of the gateway as the protocol asks it."""

    def __init__(self, predictor: Predictor, versions: dict[str, str]) -> None:
        self._predictor = predictor
        signature: Any = predictor.signature  # of the same attributes
        self.signature = signature
        self.versions = dict(versions)

    def predict(self, columns: Columns) -> Any:
        """Predict every instance; the answer has as many rows as the columns."""
        return self._predictor.predict(columns)
