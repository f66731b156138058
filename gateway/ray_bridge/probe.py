"""Prove a deployed model before it is asked: its golden rows, through the handle that requests will take."""

import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ray.serve.handle import DeploymentHandle

from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.child.faults import ChildError
from gateway.child.http_messages import Request
from gateway.errors import GatewayError, PredictError
from gateway.executors import oip_wire
from gateway.prepare import golden
from gateway.prepare.ray_archive import DEFINITION, GOLDEN, read
from gateway.ray_bridge import calls
from gateway.ray_bridge.wanted import WantedModel
from gateway.schema import Column, Predictions, Signature

_PROBE_S: Final = 60.0


def prove(handle: DeploymentHandle, model: WantedModel) -> str:
    """Return "" where the replicas answer as the model did while it was prepared, else what is wrong."""
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-probe-") as folder, tarfile.open(model.path) as archive:
            members = [one for one in archive.getmembers() if one.name in (DEFINITION, GOLDEN)]
            archive.extractall(folder, members, filter="data")
            definition = read(Path(folder))
            found = definition.manifest.golden
            if not definition.has_golden_rows or found is None:
                _sent(handle, Request(b"GET", f"/v2/models/{model.name}/ready".encode(), {}, True))
            else:
                asked = _ThroughHandle(handle, model.name, definition.tensors, found.signature)
                golden.check(Path(folder) / GOLDEN, asked, definition.spec.tolerance)
    except (GatewayError, OSError, tarfile.TarError, oip_wire.AnswerError, ChildError) as error:
        return str(error)
    return ""


class _ThroughHandle:
    """Predict by the replicas, as the self-test asks a model."""

    def __init__(self, handle: DeploymentHandle, name: str, tensors: RemoteTensors, signature: Signature) -> None:
        self.signature = signature
        self._handle = handle
        self._path = f"/v2/models/{name}/infer".encode()
        self._tensors = tensors

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict; raises PredictError."""
        head, raw = oip_wire.encode(self._tensors, columns, binary=True, texts_as_json=True)
        length = str(len(head)).encode()
        request = Request(b"POST", self._path, {b"inference-header-content-length": length} if raw else {}, True)
        request.body = b"".join([head, *raw])
        headers, body = _sent(self._handle, request)
        told = headers.get("inference-header-content-length")
        return oip_wire.decode(self._tensors, body, None if told is None else int(told), len(columns[0]))


def _sent(handle: DeploymentHandle, request: Request) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an answer; raises PredictError for every one that is no 200."""
    request.arrived = time.monotonic()
    head, _, body = calls.forward(handle, request, request.arrived + _PROBE_S).partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    if status.split()[1] != "200":
        raise PredictError(f"the replicas answer {status.split()[1]}: {body[:300].decode(errors='replace')}")
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, body
