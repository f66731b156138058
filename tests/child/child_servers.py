"""
Start the server of gateway/child by an interpreter and talk to it over its socket, as the gateway's client does.

Knows processes and the wire; states no law of its own.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gateway.child.loading import load
from gateway.child.schema import Model
from gateway.child.spec import Spec
from gateway.schema import Column, Field, Output, Predictions, Signature

FILES = Path(__file__).resolve().parents[2] / "gateway" / "child"
#: Generous: frameworks are imported within it on a machine that does seven other things.
START_S = 120.0
_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_DTYPES = {"FP64": "<f8", "INT64": "<i8"}


class UnixConnection(http.client.HTTPConnection):
    """Speak HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float = 60) -> None:
        super().__init__("child", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass
class Answer:
    """Hold one answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the JSON of the answer, without the bytes that may follow it."""
        size = self.headers.get("inference-header-content-length")
        return json.loads(self.body[: int(size)] if size else self.body)


@dataclass
class Child:
    """Hold a running server."""

    process: "subprocess.Popen[bytes]"
    path: Path
    log: Path
    model: str = "m"
    _connections: list[UnixConnection] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to a request, on a connection of its own."""
        with contextlib.closing(UnixConnection(self.path)) as connection:
            return exchange(connection, method, path, body, headers)

    def infer(self, request: Mapping[str, Any], raw: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to an inference request; `raw` are binary tensors."""
        head = json.dumps(request).encode()
        more = {"Inference-Header-Content-Length": str(len(head))} if raw else {}
        return self.ask("POST", f"/v2/models/{self.model}/infer", head + raw, {**more, **(headers or {})})

    def metadata(self) -> Any:
        """Return what the server tells of its model."""
        answer = self.ask("GET", f"/v2/models/{self.model}")
        assert answer.status == 200, answer.body
        return answer.json

    def signature(self) -> Signature:
        """Return the signature that the model says."""
        return msgspec.convert(self.metadata()["parameters"]["signature"], Signature)

    def predict(self, columns: Sequence[Column], *, binary: bool = True) -> Predictions:
        """Return the predictions of columns, as the gateway's client reads them."""
        signature = self.signature()
        tensors = [_tensor(one, column, binary) for one, column in zip(signature.inputs, columns, strict=True)]
        request = {"inputs": [tensor for tensor, _ in tensors], "parameters": {"binary_data_output": binary}}
        answer = self.infer(request, b"".join(raw for _, raw in tensors))
        assert answer.status == 200, answer.body
        return read_predictions(answer, signature.output)

    def ready(self) -> Answer:
        """Wait until the model is loaded or has failed; return the answer that says so."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                answer = self.ask("GET", "/v2/health/ready")
                if answer.status == 200 or answer.json["code"] != "child-loading":
                    return answer
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(f"the server is not ready: {self.log.read_text()}")


def exchange(
    connection: UnixConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return the answer to a request on a connection."""
    connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def _tensor(one: Field, column: Column, binary: bool) -> tuple[dict[str, Any], bytes]:
    datatype = _DATATYPES[one.column_type]
    values = [None if value != value else value for value in column.tolist()]
    shown = {"name": one.name, "datatype": datatype, "shape": [len(values)]}
    if not binary or (None in values and datatype != "FP64"):
        return shown | {"data": values}, b""
    if datatype == "BYTES":
        raw = b"".join(struct.pack("<I", len(text)) + text for text in (str(value).encode() for value in values))
    else:
        raw = column.astype({"BOOL": "?", **_DTYPES}[datatype]).tobytes()
    return shown | {"parameters": {"binary_data_size": len(raw)}}, raw


def loaded_here(artifact: Path | str, **spec: Any) -> Model:
    """Return the model as the server loads it, in this process; raises ChildError."""
    main, path = sys.modules["__main__"], [*sys.path]
    try:
        return load(Spec(model="m", artifact=str(artifact), **spec))
    finally:
        sys.modules["__main__"], sys.path[:] = main, path


def read_predictions(answer: Answer, output: Output) -> Predictions:
    """Return the predictions of an answer."""
    position = int(answer.headers.get("inference-header-content-length", len(answer.body)))
    found: dict[str, Any] = {}
    for tensor in answer.json["outputs"]:
        size = tensor.get("parameters", {}).get("binary_data_size")
        raw = answer.body[position : position + (size or 0)]
        position += size or 0
        found[tensor["name"]] = _values(tensor, raw)
    if output.kind == "json":
        return Predictions([json.loads(text) for text in found["prediction"]])
    return Predictions(found["prediction"], found.get("probabilities"))


def _values(tensor: Mapping[str, Any], raw: bytes) -> Any:
    if tensor["datatype"] == "BYTES":
        if "data" in tensor:
            return tensor["data"]
        texts, at = [], 0
        while at < len(raw):
            (length,) = struct.unpack_from("<I", raw, at)
            texts.append(raw[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return texts
    dtype = _DTYPES[tensor["datatype"]]
    if "data" in tensor:
        flat = np.array([np.nan if value is None else value for value in tensor["data"]], dtype)
    else:
        flat = np.frombuffer(raw, dtype)
    return flat.reshape(tensor["shape"])


@contextlib.contextmanager
def serving(
    artifact: Path | str, *, python: Path | str = sys.executable, options: Sequence[str] = (), **spec: Any
) -> Iterator[Child]:
    """Serve an artifact until the block ends; the files are a copy elsewhere, as in an environment of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(FILES, folder / "files", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "spec.json").write_text(json.dumps({"model": "m", "artifact": str(artifact), **spec}))
        path, log = folder / "s" / "m.sock", folder / "log"
        command = [str(python), "-I", "-B", str(folder / "files" / "serve.py")]
        command += ["--spec", str(folder / "spec.json"), "--socket", str(path), *options]
        environment = {"PATH": os.environ["PATH"], "HOME": name, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file)
        try:
            yield Child(process, path, log)
        finally:
            process.kill()
            process.wait(30)
            assert process.stdin is not None
            process.stdin.close()
