"""
Lists every global that a pickle or joblib file names, and the versions of scikit-learn that it says wrote it.

Executes nothing (see pickle_replay.py). A file is followed as joblib reads it, and as `pickle.load` does where that is
another way; nested pickles and further pickles behind the first one count as well.
"""

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.loaders.admission.pickle_replay import Noted, Replay
from gateway.loaders.admission.pickle_stream import PickleStream, opened, opened_as_it_is

#: Pickles in one file that are listed; a file of more is no model.
_MOST_PICKLES: Final = 1000
#: Numbers of an array that are read as opcodes may look like a global; those of a call are names.
_NAMES: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_CUT: Final = "it breaks off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """
    Hold the globals of a file, the versions that its estimators tell, and how many whole pickles it holds.

    `unread` says what was not followed, '' for a file that was followed to its end.
    """

    globals: tuple[str, ...]
    versions: tuple[str, ...] = ()
    pickles: int = 0
    unread: str = ""

    @property
    def is_cut(self) -> bool:
        """Say whether the file ends before its pickle does."""
        return self.unread.startswith(_CUT)

    @property
    def has_names(self) -> bool:
        """Say whether opcodes name a global; lines of a text that begins with the letter of one are no names."""
        return any(_NAMES.fullmatch(name) for name in self.globals)


def pickle_imports(path: Path) -> tuple[str, ...]:
    """List `module.name` of every global in a file; raises as `listing_of`."""
    return listing_of(path).globals


def pickle_writers(path: Path) -> tuple[str, ...]:
    """List the versions of scikit-learn that the estimators of a file say they were written by."""
    return listing_of(path).versions


def listing_of(path: Path) -> Listing:
    """
    Return what a file names; a damaged one names what stands before the damage.

    Raises as `opened`, and ArtifactError for a compressed file that unpacks to more than is listed.
    """
    return _listing(lambda: opened(path), lambda: opened_as_it_is(path))


def listing_of_head(head: bytes) -> Listing:
    """Return what the first bytes of a file name, if these are opcodes."""
    return _listing(lambda: nullcontext(io.BytesIO(head)), lambda: nullcontext(io.BytesIO(head)))


def _listing(
    unpacked: Callable[[], AbstractContextManager[Any]], as_it_is: Callable[[], AbstractContextManager[Any]]
) -> Listing:
    noted, others = Noted(), Noted()
    with unpacked() as stream:
        is_packed = isinstance(stream, PickleStream) and stream.is_packed
        pickles, unread = _follow(stream, noted, has_arrays=True)
    if noted.has_arrays:
        with unpacked() as stream:
            _follow(stream, others, has_arrays=False)
    if is_packed:
        # "BZ" begins a file of bzip2, and a pickle with bytes in it.
        with as_it_is() as stream:
            _follow(stream, others, has_arrays=False)
    names = noted.names | {name for name in others.names if _NAMES.fullmatch(name)}
    return Listing(globals=tuple(sorted(names)), versions=tuple(sorted(noted.versions)), pickles=pickles, unread=unread)


def _follow(stream: Any, noted: Noted, *, has_arrays: bool) -> tuple[int, str]:
    """Replay pickle after pickle; return how many were whole, and what was not followed."""
    for count in range(_MOST_PICKLES):
        begin = stream.tell()
        try:
            Replay(stream, noted, has_arrays=has_arrays).load()
        except (GatewayError, MemoryError):
            raise
        except Exception as error:
            return count, _unread(stream, begin, error, is_first=not count)
    return _MOST_PICKLES, f"it holds more than {_MOST_PICKLES:,} pickles: the others are not listed"


def _unread(stream: Any, begin: int, error: Exception, *, is_first: bool) -> str:
    with suppress(Exception):  # a broken stream raises again
        at = stream.tell()
        if stream.read(1):
            return f"what stands from byte {begin:,} on can be followed up to byte {at:,} only: more may be in it"
        if isinstance(error, EOFError) and at == begin and not is_first:
            return ""
        return f"{_CUT} at byte {at:,}"
    return "it cannot be unpacked to its end: more may be in it"
