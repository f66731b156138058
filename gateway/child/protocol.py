"""Answers the requests of the Open Inference Protocol: health, metadata, inference."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import Any, Callable
from urllib.parse import unquote_to_bytes

from .answers import body_of, tensors_of
from .faults import ChildError, LoadError, bad_request, text_of
from .http_messages import Request, answer_of, json_body, refusal, whole_number
from .request_plans import RequestPlans
from .schema import Model, Output, Signature, as_json
from .spec import Spec
from .versions import installed_versions

_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_WIDE = ("multi_output", "multi_label")
#: Work that has less time left than this is not begun.
_LEAST_MS = 1

log = logging.getLogger("gateway.child")


class Protocol:
    """Answer for one model, which is loading until `ready` or `failed` is called."""

    def __init__(self, spec: Spec, network: str) -> None:
        self._spec = spec
        self._network = network
        self._model: Model | None = None
        self._plans = RequestPlans(())
        self._failure: ChildError = LoadError("child-loading", "the model is being loaded")
        self._places = threading.BoundedSemaphore(spec.max_concurrency)
        of_model = b"/v2/models/" + os.fsencode(spec.model)
        self._pages: dict[bytes, Callable[[], Any]] = {
            b"/v2": self._server,
            b"/v2/health/live": lambda: {"live": True},
            b"/v2/health/ready": self._ready,
            of_model: self._metadata,
            of_model + b"/ready": self._ready,
        }
        self._infer_path = of_model + b"/infer"

    def ready(self, model: Model) -> None:
        """Answer inference requests from now on."""
        self._plans = RequestPlans(model.signature.inputs)
        self._model = model

    def failed(self, error: ChildError) -> None:
        """Answer everything that needs the model by the reason why there is none."""
        self._failure = error

    def answer(self, request: Request) -> bytes:
        """Return the bytes of the answer to any request; what the model raises ends in them."""
        try:
            path = request.path.partition(b"?")[0]
            if b"%" in path:
                path = unquote_to_bytes(path)
            if path == self._infer_path:
                return self._infer(request)
            page = self._pages.get(path)
            if page is None:
                raise ChildError(404, "not-found", f"no such path; this server has the model {self._spec.model}")
            if request.method not in (b"GET", b"HEAD"):
                raise ChildError(405, "not-found", "this path answers GET")
            body = json_body(page())
            answer = answer_of(200, body, keeps_alive=request.keeps_alive)
            return answer[: -len(body)] if request.method == b"HEAD" else answer
        except ChildError as error:
            return refusal(error, keeps_alive=request.keeps_alive)
        except Exception as error:
            log.exception("a request failed")
            fault = ChildError(500, "internal", text_of(error))
            return refusal(fault, keeps_alive=request.keeps_alive)

    def _server(self) -> Any:
        return {"name": "gateway-child", "version": "1", "extensions": ["binary_tensor_data"]}

    def _loaded(self) -> Model:
        if self._model is None:
            raise self._failure
        return self._model

    def _ready(self) -> Any:
        self._loaded()
        return {"name": self._spec.model, "ready": True}

    def _metadata(self) -> Any:
        model = self._loaded()
        return {
            "name": self._spec.model,
            "versions": ["1"],
            "platform": "gateway-child",
            "inputs": [
                {"name": field.name, "datatype": _DATATYPES[field.column_type], "shape": [-1]}
                for field in model.signature.inputs
            ],
            "outputs": _outputs(model.signature),
            "parameters": {
                "signature": as_json(model.signature),
                "versions": model.versions or installed_versions(),
                "memory_bytes": memory_bytes(),
                "network": self._network,
                "warnings": list(model.warnings),
                "max_concurrency": self._spec.max_concurrency,
                "pid": os.getpid(),
            },
        }

    def _infer(self, request: Request) -> bytes:
        if request.method != b"POST":
            raise ChildError(405, "not-found", "inference is asked by POST")
        model = self._loaded()
        if not self._places.acquire(blocking=False):
            raise ChildError(503, "overloaded", f"{self._spec.max_concurrency} calls run already", retry_after_s=1)
        try:
            return self._predict(model, request)
        finally:
            self._places.release()

    def _predict(self, model: Model, request: Request) -> bytes:
        body, told = request.body, request.headers.get(b"inference-header-content-length")
        size = len(body) if told is None else whole_number(told, "Inference-Header-Content-Length")
        if size > len(body):
            raise bad_request("Inference-Header-Content-Length says more bytes than the body has")
        asked, columns, rows = self._plans.read(body[:size], body[size:])
        _refuse_late(request)
        try:
            found = model.predict(columns)
        except ChildError:
            raise
        except BaseException as error:  # also SystemExit: no model may end its server
            log.exception("the model raised")
            raise ChildError(500, "predict", text_of(error)) from None
        answer, json_bytes = body_of(asked, self._spec.model, tensors_of(found, model.signature, rows))
        return answer_of(
            200, answer, keeps_alive=request.keeps_alive, json_bytes=None if json_bytes < 0 else json_bytes
        )


def _refuse_late(request: Request) -> None:
    told = request.headers.get(b"x-gateway-timeout-ms")
    if told is None:
        return
    waited_ms = (time.monotonic() - request.arrived) * 1000
    if whole_number(told, "X-Gateway-Timeout-Ms") - waited_ms < _LEAST_MS:
        raise ChildError(504, "deadline", "no time is left to predict")


def _outputs(signature: Signature) -> list[dict[str, Any]]:
    output: Output = signature.output
    kind = {"regression": "FP64", "classification": "INT64", "multi_label": "INT64", "json": "BYTES"}
    width = [len(output.names) or -1] if output.kind in _WIDE else []
    shown = [{"name": "prediction", "datatype": kind.get(output.kind, "FP64"), "shape": [-1, *width]}]
    if output.probabilities:
        shown.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(output.labels or output.names)]})
    return shown


def memory_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
