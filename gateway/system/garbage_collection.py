"""Control of the garbage collector: pause it during large allocations, freeze long-lived objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """
    Pause the collector in the block, which creates many objects and no garbage: each collection would visit all.

    Imports are such a block: collections take a tenth of the time in which a framework, or a command, is imported.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def overlook_what_is_there() -> None:
    """
    Exclude all existing objects from later collections.

    A walk over 1,000 routes delays every request by 0.2 s. Call it once per process: cycles among the frozen objects,
    some of which an edit replaces, are never collected.
    """
    gc.collect()
    gc.freeze()
