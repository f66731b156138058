"""The garbage collector: paused while much is made that stays, told to overlook what has been made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing in the block: it makes many objects and no garbage, over which every collection would walk."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def overlook_what_is_there() -> None:
    """
    Leave everything made so far out of every later collection.

    A walk over 1,000 routes holds up every request for 0.2 s. Call it once a process: cycles among what is there, of
    which an edit replaces a part, are never found again.
    """
    gc.collect()
    gc.freeze()
