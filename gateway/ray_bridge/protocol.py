"""Answers the Open Inference Protocol for all models of one cluster, each named by its application."""

import logging
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.child.faults import ChildError, text_of
from gateway.child.http_messages import Request, answer_of, json_body, refusal
from gateway.ray_bridge import calls
from gateway.ray_bridge.models import Models

_OF_MODEL: Final = re.compile(rb"/v2/models/([^/]+)(/ready|/infer)?")
_OF_BRIDGE: Final = (b"/v2", b"/v2/health/live", b"/v2/health/ready")
_INDEX: Final = b"/v2/repository/index"

log = logging.getLogger("gateway.ray_bridge")


class BridgeProtocol:
    """Answer requests: the bridge for itself and whether a model is ready, replicas for everything about a model."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def answer(self, request: Request) -> bytes:
        """Return the bytes of the answer to any request."""
        try:
            return self._answer(request)
        except ChildError as error:
            return refusal(error, keeps_alive=request.keeps_alive)
        except Exception as error:
            log.exception("a request failed")
            return refusal(ChildError(500, "internal", text_of(error)), keeps_alive=request.keeps_alive)

    def _answer(self, request: Request) -> bytes:
        path = unquote_to_bytes(request.path.partition(b"?")[0])
        if path in _OF_BRIDGE:
            told = {"name": "gateway-ray", "version": "1", "extensions": ["binary_tensor_data"]}
            return answer_of(200, json_body(told), keeps_alive=request.keeps_alive)
        if path == _INDEX:
            return answer_of(200, json_body(self._models.index()), keeps_alive=request.keeps_alive)
        found = _OF_MODEL.fullmatch(path)
        if found is None:
            raise ChildError(404, "not-found", "no such path; a model is named by its application")
        name = found[1].decode(errors="replace")
        handle = self._models.handle(name)
        if found[2] == b"/ready":
            return answer_of(200, json_body({"name": name, "ready": True}), keeps_alive=request.keeps_alive)
        return calls.forward(handle, request, calls.deadline_of(request))
