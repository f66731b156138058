"""Step 5 of a call: which variant of its route answers."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.rest.predict.call import Call

#: The variant of a route that has no other.
PRIMARY: Final = "primary"


def choose_variant(call: "Call") -> None:
    """Choose who answers a call; a route has one model yet."""
    call.variant = PRIMARY
