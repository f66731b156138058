"""What a server answered for a batch, and how long it was asked; local models answer without this."""

from dataclasses import dataclass

from gateway.schema import Predictions


@dataclass(slots=True)
class RemotePredictions(Predictions):
    """
    Hold predictions of a server.

    `remote_s` is the time in which it was asked, further tries and the pauses before them included. The rest of the
    time that a predict took is the gateway's own: waiting for a thread, writing and reading tensors.
    """

    remote_s: float = 0.0
