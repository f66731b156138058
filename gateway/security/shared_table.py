"""
A table of numbers by key in a mapped file that all workers share: it survives the death of any of them.

    header (512 words) | sets of 8 entries; an entry is two words: key and value

The smallest value of a full set makes room for a new key. Each set has a lock of its own: a record lock of the file,
which the kernel frees when its holder dies.
"""

import hashlib
import mmap
import os
import secrets
import time
import weakref
from _thread import allocate_lock
from contextlib import suppress
from fcntl import F_GETLK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB, LOCK_UN, fcntl, lockf
from pathlib import Path
from struct import Struct
from typing import Final

from gateway.system import atomic, processes
from gateway.system.locks import locked

_WORD: Final = 8
_HEADER_WORDS: Final = 512
_MAGIC: Final = int.from_bytes(b"GWTABLE1", "little")
_H_MAGIC, _H_EPOCH, _H_SECRET = 0, 1, 2
_SECRET_BYTES: Final = 16
_WAYS: Final = 8
_SET_WORDS: Final = 2 * _WAYS
_SET_BYTES: Final = _SET_WORDS * _WORD
#: Sets of identified callers, and as many of addresses: whoever has many addresses displaces no identified caller.
_SETS: Final = 4096
_SIZE: Final = (_HEADER_WORDS + 2 * _SETS * _SET_WORDS) * _WORD
#: A holder keeps the lock of a set for microseconds, unless it is not scheduled meanwhile, on a busy machine for tens
#: of milliseconds. One that is stopped (SIGSTOP, a debugger) must not stop the others: they then go on without the
#: lock, and at worst one of both changes is lost.
_PATIENCE_S: Final = 0.02
_MOST_S: Final = 2.0
_PAUSE_S: Final = 0.00005
_TRY: Final = LOCK_EX | LOCK_NB
#: struct flock of 64-bit Linux: type, whence, start, length, process.
_FLOCK: Final = Struct("@hhqqi0q")


class Place:
    """Name the entry of one key: its set (`first` in words, `offset` in bytes), and where in it the entry was last."""

    __slots__ = ("at", "first", "key", "offset")

    def __init__(self, key: int, first: int) -> None:
        self.key = key
        self.first = self.at = first
        self.offset = first * _WORD


class SharedTable:
    """
    Map the table of a path, made where there is none; thread-safe, to be opened after a fork.

    A table of another `epoch` is made anew: what its values mean ended with its epoch. Raises OSError.
    """

    def __init__(self, path: Path, epoch: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f".{path.name}.lock")):
            if not _is_whole(path, epoch):
                _write_empty(path, epoch)
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._path = path
        self._close_file = weakref.finalize(self, os.close, self._file)
        self._map = mmap.mmap(self._file, _SIZE)
        self.words = memoryview(self._map).cast("Q")
        self._secret = bytes(self._map[_H_SECRET * _WORD : _H_SECRET * _WORD + _SECRET_BYTES])
        self._threads = allocate_lock()  # record locks do not exclude threads of one process

    def close(self) -> None:
        """Unmap the table; nothing of this object may be used afterwards."""
        self.words.release()
        self._map.close()
        self._close_file()

    def is_replaced(self) -> bool:
        """Say whether another file, or none, stands in the place of the one that is mapped."""
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return True
        except OSError:  # a disk that does not answer now says nothing about the file
            return False

    def place(self, name: str, *, is_address: bool) -> Place:
        """Return the place of a name; who does not know the secret of the table cannot aim at the set of another."""
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._secret).digest()
        key = int.from_bytes(digest, "little") or 1
        number = key % _SETS + (_SETS if is_address else 0)
        return Place(key, _HEADER_WORDS + number * _SET_WORDS)

    def lock(self, place: Place) -> None:
        """Wait for the lock of a set."""
        self._threads.acquire()
        try:
            lockf(self._file, _TRY, _SET_BYTES, place.offset)
        except OSError:
            self._wait(place)

    def unlock(self, place: Place) -> None:
        """Give the lock of a set back."""
        lockf(self._file, LOCK_UN, _SET_BYTES, place.offset)  # no error where it is not held
        self._threads.release()

    def read(self, place: Place) -> int:
        """Return the value of a key, 0 if it has none; the caller holds the lock."""
        words, key = self.words, place.key
        if words[place.at] == key:
            return words[place.at + 1]
        for at in range(place.first, place.first + _SET_WORDS, 2):
            if words[at] == key:
                place.at = at
                return words[at + 1]
        return 0

    def write(self, place: Place, value: int) -> None:
        """Set the value of a key; the caller has read it under the lock that it holds."""
        words = self.words
        if words[place.at] != place.key:
            place.at = min(range(place.first, place.first + _SET_WORDS, 2), key=lambda at: words[at + 1])
            # A writer that is killed between these leaves an entry of nobody, never a value under another's key.
            words[place.at] = 0
            words[place.at + 1] = value
            words[place.at] = place.key
        else:
            words[place.at + 1] = value

    def _wait(self, place: Place) -> None:
        began = time.monotonic()
        look = began + _PATIENCE_S
        while (now := time.monotonic()) < began + _MOST_S:
            time.sleep(_PAUSE_S)
            with suppress(OSError):
                lockf(self._file, _TRY, _SET_BYTES, place.offset)
                return
            if now > look:
                if self._is_holder_stopped(place):
                    return
                look = now + _PATIENCE_S

    def _is_holder_stopped(self, place: Place) -> bool:
        asked = _FLOCK.pack(F_WRLCK, os.SEEK_SET, place.offset, _SET_BYTES, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl(self._file, F_GETLK, asked))
        return bool(kind != F_UNLCK and processes.is_stopped(pid))


def _is_whole(path: Path, epoch: int) -> bool:
    try:
        with path.open("rb") as file:
            head = memoryview(file.read(_H_SECRET * _WORD)).cast("Q")
            is_whole = len(head) == _H_SECRET and os.fstat(file.fileno()).st_size == _SIZE
            return is_whole and (head[_H_MAGIC], head[_H_EPOCH]) == (_MAGIC, epoch)
    except (OSError, TypeError):
        return False


def _write_empty(path: Path, epoch: int) -> None:
    """Make the file under a temporary name, with all its blocks: a write into a hole of a full disk kills a process."""
    with atomic.replacing(path) as draft, draft.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _SIZE)
        file.write(_MAGIC.to_bytes(_WORD, "little") + epoch.to_bytes(_WORD, "little"))
        file.write(secrets.token_bytes(_SECRET_BYTES))
