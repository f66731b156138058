"""Hand a request on to a replica and wait for its answer: within the deadline, once more where the replica was lost."""

import logging
import time
from typing import Final

from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from gateway.child.faults import ChildError, text_of
from gateway.child.http_messages import Request, whole_number

#: A request that names no time may take so long.
_LONGEST_S: Final = 600.0
_LEAST_S: Final = 0.001
#: The one repetition after a lost replica, which finds another one; a predict changes nothing.
_TRIES: Final = 2
_TIMEOUT: Final = b"x-gateway-timeout-ms"
#: What a replica reads of the head of a request.
_KEPT: Final = frozenset({b"inference-header-content-length", b"content-type"})
_LOST: Final = (ActorDiedError, ActorUnavailableError, ReplicaUnavailableError)

log = logging.getLogger("gateway.ray_bridge")


def deadline_of(request: Request) -> float:
    """Return when the answer must be there, as a time.monotonic() value; raises ChildError."""
    told = request.headers.get(_TIMEOUT)
    left_s = _LONGEST_S if told is None else whole_number(told, "X-Gateway-Timeout-Ms") / 1000
    return request.arrived + left_s


def forward(handle: DeploymentHandle, request: Request, deadline: float) -> bytes:
    """Return the bytes of the answer of a replica; raises ChildError."""
    kept = {name: value for name, value in request.headers.items() if name in _KEPT}
    for number in range(1, _TRIES + 1):
        try:
            return _asked(handle, request, kept, deadline)
        except _LOST as error:
            log.warning("a replica was lost while it answered: %s", text_of(error)[:500])
            if number == _TRIES:
                raise ChildError(503, "ray-lost", "the replicas of this model were lost", retry_after_s=1) from None
    raise AssertionError


def _asked(handle: DeploymentHandle, request: Request, headers: dict[bytes, bytes], deadline: float) -> bytes:
    left_s = deadline - time.monotonic()
    if left_s < _LEAST_S:
        raise ChildError(504, "deadline", "no time is left to predict")
    told = {**headers, _TIMEOUT: str(int(left_s * 1000)).encode()}
    response = handle.remote(request.method, request.path, told, request.body)
    try:
        answer: bytes = response.result(timeout_s=left_s)
    except TimeoutError:
        response.cancel()
        raise ChildError(504, "deadline", "the deadline passed while a replica predicted") from None
    except BackPressureError:
        raise ChildError(503, "overloaded", "the replicas of this model are busy", retry_after_s=1) from None
    except _LOST:
        raise
    except DeploymentUnavailableError:
        raise ChildError(503, "ray-failed", "the application of this model has failed", retry_after_s=1) from None
    except RayTaskError as error:
        log.error("a replica raised: %s", error)
        raise ChildError(500, "predict", "the replica raised; the log of the bridge has its words") from None
    except RayError as error:
        reason = f"the cluster does not answer: {text_of(error)[:300]}"
        raise ChildError(503, "ray-away", reason, retry_after_s=1) from None
    return answer
