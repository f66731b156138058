"""Something in the cache that may go where room is needed: bytes of an artifact, or an environment of a model."""

from collections.abc import Callable
from typing import NamedTuple


class Spare(NamedTuple):
    """Name something in the cache that may be deleted; `is_named` says that an older generation names it."""

    size_bytes: int
    delete: Callable[[], object]
    is_named: bool
