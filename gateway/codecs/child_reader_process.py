"""
The process that reads tables: waits for files and forks an isolated reader for each.

Native parsers (Arrow, calamine) trust the sizes that a file declares: 441 bytes of Parquet become 1.9 GB. A reader has
limits of memory and CPU time, fails alone, and is the first choice of the out-of-memory killer. It reads one file. The
next reader is forked ahead and has read a sample: forking and the first touch of its memory take 10 ms.
Started by `child_reader.py` as `python -m gateway.codecs.child_reader_process FD`; ends with the process at the other
end of FD.
"""

import contextlib
import io
import os
import resource
import select
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.codecs.child_reader_samples import samples
from gateway.codecs.chunks import BatchReader, ReadLimits
from gateway.codecs.frames import send, send_chunks
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.table_place import TablePlace
from gateway.codecs.xlsx import ExcelReader
from gateway.errors import GatewayError
from gateway.system.memory import address_space_bytes

READERS: Final[dict[str, type[BatchReader]]] = {"xlsx": ExcelReader, "parquet": ParquetReader}
#: Memory that a reader may take beyond its start; a workbook of 5 million cells takes 700 MB.
MEMORY_BYTES: Final = 1024**3
#: Processor time of one reading; 100,000 rows of 11 cells take 2 s.
CPU_S: Final = 60
#: How often the waiting process looks for readers that have ended.
_LOOK_S: Final = 0.05
_REQUEST_BYTES: Final = 64 * 1024


def main(descriptor: int) -> None:
    """Serve the process at the other end of a socket until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the worker finishes its requests before it stops
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    readers: dict[int, socket.socket] = {}
    _practise()
    spare = _fork(control, readers)
    while True:
        ready, _, _ = select.select([control, *readers.values()], [], [], _LOOK_S if readers else None)
        for process, link in list(readers.items()):
            if link in ready:  # nothing is sent in this direction: readable means that the worker has closed its end
                os.kill(process, signal.SIGKILL)
        _bury(readers)
        if control in ready:
            request, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 2)
            if not request:
                break
            if os.waitpid(spare.process, os.WNOHANG)[0]:  # the machine ran out of memory while it waited
                spare.link.close()
                spare = _fork(control, readers)
            _begin(request, descriptors, spare, readers)
            spare = _fork(control, readers)
    for process in readers:
        os.kill(process, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Spare:
    """Hold a reader that waits for its file at the other end of `link`."""

    process: int
    link: socket.socket


def _fork(control: socket.socket, readers: dict[int, socket.socket]) -> _Spare:
    """Fork a reader that waits for its file."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = os.fork()
    if process == 0:
        status = 1
        try:
            for other in (control, ours, *readers.values()):
                other.close()
            status = _read_one(theirs)
        finally:
            os._exit(status)
    theirs.close()
    return _Spare(process, ours)


def _begin(request: bytes, descriptors: list[int], spare: _Spare, readers: dict[int, socket.socket]) -> None:
    """Hand a file to the reader that waits for one."""
    file, link = descriptors[0], socket.socket(fileno=descriptors[1])
    readers[spare.process] = link
    with spare.link, contextlib.suppress(OSError):  # a dead reader is reported as any other
        socket.send_fds(spare.link, [request], descriptors)
    os.close(file)


def _read_one(spare: socket.socket) -> int:
    """Wait for a file and read it; return the status to exit with."""
    _practise()
    _limit()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # messages of a crashing parser are useless
    request, descriptors, _, _ = socket.recv_fds(spare, _REQUEST_BYTES, 2)
    if not request:
        return 0
    link = socket.socket(fileno=descriptors[1])
    try:
        _read(msgspec.msgpack.decode(request), descriptors[0], link)
    except MemoryError:
        with contextlib.suppress(OSError, MemoryError):
            send(link, {"died": signal.SIGABRT})
        return 1
    return 0


def _practise() -> None:
    """Read a sample of each format, so that code and memory are in place when a file comes."""
    for kind, sample in samples():
        with contextlib.suppress(GatewayError, OSError):
            deque(READERS[kind]().read(io.BytesIO(sample), ReadLimits()), maxlen=0)


def _bury(readers: dict[int, socket.socket]) -> None:
    """Collect readers that have ended, and send their exit status to the waiting request."""
    for process, link in list(readers.items()):
        ended, status = os.waitpid(process, os.WNOHANG)
        if not ended:
            continue
        del readers[process]
        link.setblocking(False)
        with contextlib.suppress(OSError):
            if status:
                send(link, {"died": status & 0x7F})
        link.close()


def _read(request: dict[str, Any], file: int, link: socket.socket) -> None:
    scratch = request["scratch"]
    limits = ReadLimits(
        max_rows=request["max_rows"],
        chunk_rows=request["chunk_rows"],
        scratch=None if scratch is None else Path(scratch),
    )
    with os.fdopen(file, "rb") as body:
        sheet, header, known, order = request["place"]
        place = TablePlace(sheet, header, known, order)
        reader = ExcelReader(place) if request["kind"] == "xlsx" else READERS[request["kind"]]()
        send_chunks(link, reader.read(body, limits))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (address_space_bytes() + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main(int(sys.argv[1]))
