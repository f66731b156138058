"""A model that runs elsewhere as a predictor: asked within a deadline, by the client that workers will use."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.artifacts.remote import Remote
from gateway.artifacts.remote_tensors import RemoteTensors
from gateway.errors import LoadError
from gateway.executors.oip_client import OipClient
from gateway.executors.oip_refusals import BrokenAnswer
from gateway.schema import Column, Predictions, Signature

#: Seconds that one predict may take while preparing, at least: a server may load its model for the first one.
PREDICT_S: Final = 10.0


class RemotePredictor:
    """Ask a server within a deadline for each call; `remote` is what the manifest keeps of it."""

    def __init__(self, client: OipClient, signature: Signature, tensors: RemoteTensors, remote: Remote) -> None:
        self.signature = signature
        self.remote = replace(remote, tensors=tensors)
        #: What the server says of itself, for the manifest.
        self.versions: Mapping[str, str] = {}
        self.platform = ""
        self.predict_s = PREDICT_S
        self._broken: BrokenAnswer | None = None
        self._client = client
        self._tensors = tensors

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Predict; raises GatewayError."""
        try:
            return self._client.predict(columns, self._tensors, time.monotonic() + self.predict_s)
        except BrokenAnswer as error:
            self._broken = error
            raise

    def must_keep_to_its_metadata(self) -> None:
        """Raise LoadError `executor-answer` if any answer so far was none: to a row that is refused there is one."""
        if self._broken is not None:
            raise LoadError(
                self._broken.message,
                code="executor-answer",
                hint="correct the metadata of the model there, or the server: GET /v2/models/<model> shows them",
            )

    def close(self) -> None:
        """End what was started for it."""
        self._client.close()
