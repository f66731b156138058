"""
The predictor of a route of kind process, while it is prepared: the model's own process, on a temporary socket.

Started as the arbiter will start it, watched for its memory, asked by the client that workers will use, and ended.
"""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.artifacts.remote import ChildSpec, Remote, RemoteKind
from gateway.artifacts.remote_tensors import tensors_of
from gateway.errors import ArtifactError, GatewayError, LoadError
from gateway.executors.oip_client import OipClient
from gateway.executors.process import OPTIONS
from gateway.loaders.admission.needed_code import needed_code, own_modules
from gateway.prepare.entry import Entry
from gateway.prepare.remote_predictor import PREDICT_S, RemotePredictor
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.memory import resident_bytes
from gateway.system.server_address import address_of
from gateway.system.suggest import listing

_WATCH_S: Final = 0.05
_ASK_S: Final = 5.0
_OK: Final = 200
_MOST_BYTES: Final = 64 * 2**20
#: Code of the server while it is still loading: the time limit of preparing ends that.
_LOADING: Final = "child-loading"


class ProcessPredictor(RemotePredictor):
    """Ask the process of a model; `close` ends it."""

    def __init__(self, spec: RouteSpec, server: "Server", kind: RemoteKind = "process") -> None:
        told = server.metadata()
        parameters = told["parameters"]
        signature = msgspec.convert(parameters["signature"], Signature)
        client = OipClient([address_of(str(server.path))], server.model, OPTIONS)
        remote = Remote(kind=kind, model=server.model, child=server.child, binary=True)
        super().__init__(client, signature, tensors_of(signature), remote)
        self.versions = {str(name): str(one) for name, one in parameters["versions"].items()}
        self.platform = kind
        self.warnings = tuple(map(str, parameters.get("warnings", ())))
        self.predict_s = max(spec.timeout_s, PREDICT_S)
        self._server = server

    def predict(self, columns: Any) -> Any:
        """Predict; raises GatewayError, also where the process used too much memory meanwhile."""
        try:
            return super().predict(columns)
        except GatewayError:
            self._server.must_live()
            raise

    def close(self) -> None:
        """End the process."""
        super().close()
        self._server.close()


class Server:
    """Run the process of a model, which is named `model` there, on a socket in a folder of its own."""

    def __init__(self, child: ChildSpec, model: str) -> None:
        self.child = child
        self.model = model
        # The prepare child's own temporary folder, whose path is short enough for a socket.
        self._folder = Path(tempfile.mkdtemp(prefix="s-"))
        self.path = self._folder / "model.sock"
        argv = [word.replace("{socket}", str(self.path)) for word in child.argv]
        self._used = 0
        with FORK_LOCK:
            self._process = subprocess.Popen(
                argv,
                env={**child.environ, "TMPDIR": tempfile.gettempdir(), **_mark()},
                cwd=child.working_folder or None,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
        threading.Thread(target=self._watch, name="memory", daemon=True).start()

    def metadata(self) -> dict[str, Any]:
        """Wait until the model is loaded and return what its server tells; raises LoadError with its fault."""
        while True:
            self.must_live()
            status, body = self._ask(f"/v2/models/{self.model}")
            if status == _OK:
                return body
            if body and body.get("code") != _LOADING:
                raise LoadError(str(body.get("error")), code=str(body.get("code")), hint=body.get("hint"))
            time.sleep(_WATCH_S)

    def must_live(self) -> None:
        """Raise LoadError if the process has ended."""
        code = self._process.poll()
        if self._used:
            raise LoadError(
                f"the process of the model used {self._used // 2**20} MB, allowed are "
                f"{self.child.memory_bytes // 2**20} MB",
                code="prepare-memory",
                hint="raise GATEWAY_PREPARE_MEMORY_MB if the model needs this much; then run: gateway prepare --retry",
            )
        if code is not None:
            how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
            raise LoadError(
                f"the process of the model {how}",
                code="prepare-crashed",
                hint="the log holds its last words; try the model by hand in its environment",
            )

    def close(self) -> None:
        """End the process at once: it holds nothing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return status and body; 0 while nobody listens."""
        connection = _UnixConnection(str(self.path), timeout=_ASK_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = msgspec.json.decode(answer.read(_MOST_BYTES))
        except (OSError, http.client.HTTPException, msgspec.MsgspecError):
            return 0, {}
        finally:
            connection.close()
        return answer.status, body if isinstance(body, dict) else {}

    def _watch(self) -> None:
        while self._process.poll() is None:
            used = resident_bytes(self._process.pid)
            if self.child.memory_bytes and used > self.child.memory_bytes:
                self._used = used
                self._process.kill()
            time.sleep(_WATCH_S)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("model", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def predictor_of(entry: Entry) -> RemotePredictor:
    """Start the process of a model and return its predictor; raises GatewayError."""
    spec, child = entry.spec, entry.child
    if child is None:
        raise LoadError("the entry says nothing of its process", code="load", hint="run: gateway prepare")
    for name, keywords in spec.inputs.items():
        if "dummies" in keywords:
            raise LoadError(
                f"inputs.{name}: 'dummies' are made of a model's own columns, and it runs in a process of its own",
                code="executor-metadata",
                hint="delete 'dummies', and name the columns that the model takes",
            )
    if not spec.allow_code:
        _refuse_code(Path(entry.artifact.path), spec)
    server = Server(child, spec.name)
    try:
        return ProcessPredictor(spec, server)
    except BaseException:
        server.close()
        raise


def _mark() -> dict[str, str]:
    """Return the mark by which the supervisor of this process finds what it left."""
    return {name: os.environ[name] for name in ("GATEWAY_STARTED_BY",) if name in os.environ}


def _refuse_code(path: Path, spec: RouteSpec) -> None:
    """Raise ArtifactError for a pickle that would run code of others than the libraries of models."""
    if path.suffix == ".py":  # the route names code, and says so
        return
    names = needed_code(path)
    if names:
        own = own_modules(names)
        files = f" and `files: [{', '.join(own)}]`" if own else ""
        raise ArtifactError(
            f"{path.name}: it names {listing(names, 'and')}, which is not among what a model consists of",
            code="code-not-allowed",
            hint=f"if you know who wrote it, let it run: add `allow_code: true`{files} to the route {spec.path}",
        )
