"""
Read a table in a process of its own, so that a file which explodes ends that process and nothing else.

The process that forks readers starts with the first such file of a worker, and ends with the worker. Knows no HTTP.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import msgspec

from gateway.codecs.base import refuse
from gateway.codecs.child_reader_process import CPU_S, MEMORY_BYTES
from gateway.codecs.chunks import Chunk, ReadLimits
from gateway.codecs.frames import ReaderDiedError, receive_chunks, too_large
from gateway.codecs.table_place import FIRST, TablePlace
from gateway.errors import OverloadError
from gateway.system.fork_lock import FORK_LOCK
from gateway.system.own_python import module_words

#: Longest wait for the next message of a reader, which has CPU_S of processor time for everything.
_PATIENCE_S: Final = 2.0 * CPU_S
#: One thread for each library, and no allocator that reserves a GiB of addresses before the first byte.
_SMALL: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_IO_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
}
_MEMORY_SIGNALS: Final = frozenset({signal.SIGABRT, signal.SIGKILL})


class _Readers:
    """Hold the connection to the process that forks readers; restarts a process that has ended. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, request: bytes, descriptors: list[int]) -> None:
        """Hand a request and its descriptors over."""
        with self._lock:
            for is_last in (False, True):
                control = self._started()
                try:
                    socket.send_fds(control, [request], descriptors)
                    return
                except OSError:
                    self.close()
                    if is_last:
                        raise

    def _started(self) -> socket.socket:
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with FORK_LOCK, theirs:
                command = module_words("gateway.codecs.child_reader_process", str(theirs.fileno()))
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env={**os.environ, **_SMALL}
                )
            self._control = ours
        return self._control

    def close(self) -> None:
        """End the process; the next file starts another one."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
        self._control = self._process = None

    def forget(self) -> None:
        """Close the connection in a fork, which would hide the end of the worker from the process."""
        if self._control is not None:
            self._control.close()
        self._lock, self._control, self._process = threading.Lock(), None, None


_READERS: Final = _Readers()
atexit.register(_READERS.close)
os.register_at_fork(after_in_child=_READERS.forget)


#: Begins the name of a folder for the files of one table; the number of the process that will delete it follows.
TABLE: Final = "table-"


class IsolatedReader:
    """Read one format ("xlsx", "parquet") as its own reader does, in a process with limits of memory and time."""

    def __init__(self, kind: str, place: TablePlace = FIRST) -> None:
        self._kind = kind
        self._place = place

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order; the reader ends when this iterator does."""
        # A reader that is killed leaves its files.
        # A reader that is killed leaves its files.
        folder = tempfile.mkdtemp(prefix=f"{TABLE}{os.getpid()}-", dir=limits.scratch)
        ours, theirs = socket.socketpair()
        try:
            with theirs, _file_of(body, limits.scratch) as file:
                request = {"kind": self._kind, "max_rows": limits.max_rows, "chunk_rows": limits.chunk_rows}
                request |= {"scratch": folder, "place": self._place.packed()}
                _READERS.begin(msgspec.msgpack.encode(request), [file.fileno(), theirs.fileno()])
            ours.settimeout(_PATIENCE_S)
            yield from receive_chunks(ours)
        except ReaderDiedError as death:
            self._explain(death)
        except TimeoutError:
            self._explain(ReaderDiedError(signal.SIGXCPU))
        finally:
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)  # a fork of a model may hold a copy that close() leaves open
            ours.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _explain(self, death: ReaderDiedError) -> None:
        if death.status is None:
            message = "the process that reads XLSX and Parquet files has gone"
            raise OverloadError(message, code="reader-gone", hint="send it again") from None
        if death.status in _MEMORY_SIGNALS:
            raise too_large(f"reading the file takes more than {MEMORY_BYTES // 2**20} MiB of memory") from None
        if death.status == signal.SIGXCPU:
            raise too_large(f"reading the file takes more than {CPU_S} s") from None
        names = {"xlsx": "XLSX workbook", "parquet": "Parquet file"}
        refuse(self._kind, "the file ends the process that reads it", expected=f"a {names[self._kind]}")


@contextlib.contextmanager
def _file_of(body: Any, scratch: Path | None) -> Iterator[IO[bytes]]:
    """Yield the body as a file of the system, which a spooled one becomes when it is asked for its number."""
    try:
        body.flush()
        body.fileno()
    except (OSError, AttributeError, ValueError):
        with tempfile.TemporaryFile(dir=scratch) as copy:
            body.seek(0)
            shutil.copyfileobj(body, copy)
            copy.flush()
            yield copy
    else:
        yield body
