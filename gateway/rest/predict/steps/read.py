"""Step 4 of a call: its dialect reads the request against the contract of the route."""

from typing import TYPE_CHECKING

from gateway.rest.predict.dialect import Chunks
from gateway.rest.predict.intake import Intake
from gateway.schema import Batch

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call


def read(call: "Call") -> Batch | Chunks:
    """Return the valid rows of a request, or a batch that is still to be read; raises NotReadyError, InputError."""
    contract = call.route.must_serve()
    return call.dialect.read(Intake(call), contract)
