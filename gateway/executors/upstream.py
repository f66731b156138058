"""Predicts of a model on another server, which speaks the Open Inference Protocol over HTTP."""

import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from gateway.artifacts.remote import Remote
from gateway.errors import LoadError, NotReadyError
from gateway.executors.oip_client import OipClient
from gateway.executors.oip_metadata import must_fit
from gateway.executors.remote import RemoteExecutor
from gateway.executors.upstream_client import client_of

#: A server that tells nothing within this time is away; a worker does not wait longer before it serves.
START_S: Final = 2.0

log = logging.getLogger("gateway.executor")


class UpstreamExecutor(RemoteExecutor):
    """Start where no server answers that tells of another model: one that is away is looked at when it is back."""

    def make_client(self, remote: Remote) -> OipClient:
        """Return the client of all servers."""
        return client_of(remote, partial(must_fit, self._tensors))

    def start(self) -> None:
        """Compare what the servers tell with what was prepared; raises LoadError where all of them tell otherwise."""
        super().start()
        try:
            told = self._client.metadata(time.monotonic() + START_S)
        except NotReadyError as error:
            log.warning("no model server answers yet", extra={"reason": error.message})
            return
        faults = [fault for metadata in told.values() if (fault := self._fault(metadata)) is not None]
        if len(faults) == len(told):
            raise faults[0]

    def _fault(self, metadata: Mapping[str, Any]) -> LoadError | None:
        try:
            must_fit(self._tensors, metadata)
        except LoadError as error:
            return error
        return None
