"""Answers the Open Inference Protocol for all models that the cache holds, each named by the sha256 of its artifact."""

import re
import threading
from pathlib import Path
from typing import Final

from gateway.child.faults import ChildError
from gateway.child.http_messages import Request, answer_of, json_body, refusal
from gateway.child.protocol import Protocol
from gateway.child.spec import Spec
from gateway.h2o_server.models import ServedModels

_OF_MODEL: Final = re.compile(rb"/v2/models/([0-9a-f]{64})(/ready|/infer)?")
_STARTING: Final = ChildError(503, "child-loading", "the H2O server is starting", retry_after_s=1)


class Protocols:
    """Answer requests; a model is loaded by the first request that names it."""

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts
        self._served: ServedModels | None = None
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._protocols: dict[str, Protocol] = {}

    def serve(self, served: ServedModels) -> None:
        """Answer for models from now on."""
        self._served = served

    def answer(self, request: Request) -> bytes:
        """Return the bytes of the answer to any request."""
        path = request.path.partition(b"?")[0]
        try:
            found = _OF_MODEL.fullmatch(path)
            if found is not None:
                return self._protocol(found[1].decode()).answer(request)
            if path == b"/v2/health/ready" and self._served is None:
                raise _STARTING
            if path in (b"/v2/health/ready", b"/v2/health/live", b"/v2"):
                told = {"name": "gateway-h2o", "version": "1", "extensions": ["binary_tensor_data"]}
                return answer_of(200, json_body(told), keeps_alive=request.keeps_alive)
            raise ChildError(404, "not-found", "no such path; a model is named by the sha256 of its artifact")
        except ChildError as error:
            return refusal(error, keeps_alive=request.keeps_alive)

    def _protocol(self, sha256: str) -> Protocol:
        known = self._protocols.get(sha256)
        if known is not None:
            return known
        served = self._served
        if served is None:
            raise _STARTING
        with self._lock:
            turn = self._loading.setdefault(sha256, threading.Lock())
        with turn:
            if sha256 not in self._protocols:
                artifact = self._artifact(sha256)
                protocol = Protocol(Spec(model=sha256, artifact=str(artifact)), "open")
                protocol.ready(served.load(artifact, sha256))
                self._protocols[sha256] = protocol
            return self._protocols[sha256]

    def _artifact(self, sha256: str) -> Path:
        """Return the one entry of the cache's folder of an artifact."""
        folder = self._artifacts / sha256
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        if len(inside) != 1:
            raise ChildError(404, "artifact-gone", f"the cache does not hold the artifact {sha256[:12]}")
        return inside[0]
