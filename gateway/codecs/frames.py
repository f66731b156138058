"""
Encode chunks of a table, and faults, as messages between two processes.

MessagePack and not pickle: a process that reads a hostile file must not be able to name code. Each column is a message,
so that no message holds the interpreter of the receiver for long; a repeated text is sent once.
"""

import dataclasses
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from gateway.codecs.chunks import Chunk
from gateway.errors import Fault, GatewayError, InputError, TooLargeError, UnreadableError

#: Characters of all cells of a batch, repeated texts included: the input of the model.
MAX_CHARACTERS: Final = 256 * 1024 * 1024
#: Bytes of one message; a column of 10,000 cells stays far below.
MAX_MESSAGE: Final = 128 * 1024 * 1024
#: Columns with more characters than this are looked at for texts that repeat.
_WORTH_SHARING: Final = 64 * 1024
_LENGTH: Final = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_HINT: Final = "send it in parts, or as CSV or NDJSON"


class ReaderDiedError(Exception):
    """The reading process has ended; `status` is that of `os.waitpid`, None if it is unknown."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


def too_large(message: str) -> TooLargeError:
    """Return the error of a table that becomes too large when it is read."""
    return TooLargeError(message, code="table-too-large", hint=_HINT)


def send(link: socket.socket, value: Any) -> None:
    """Send one message."""
    data = _encode(value)
    if len(data) > MAX_MESSAGE:
        raise too_large(f"the cells of one column of a chunk take more than {MAX_MESSAGE // 2**20} MiB")
    link.sendall(_LENGTH.pack(len(data)) + data)


def receive(link: socket.socket) -> Any:
    """Return the next message; raises ReaderDiedError at the end of the stream."""
    (length,) = _LENGTH.unpack(_exactly(link, _LENGTH.size))
    if length > MAX_MESSAGE:
        raise ReaderDiedError(None)
    try:
        return _decode(_exactly(link, length))
    except msgspec.DecodeError:
        raise ReaderDiedError(None) from None


def _exactly(link: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        count = link.recv_into(view[filled:])
        if not count:
            raise ReaderDiedError(None)
        filled += count
    return data


def send_chunks(link: socket.socket, chunks: Iterator[Chunk]) -> None:
    """Send the chunks of a table, then the end; an error of theirs instead where one is raised."""
    characters = 0
    try:
        for chunk in chunks:
            characters += sum(map(_characters, chunk.columns))
            if characters > MAX_CHARACTERS:
                raise too_large(f"the cells of the table hold more than {MAX_CHARACTERS // 2**20} Mi characters")
            head = {"start": chunk.start, "size": chunk.size, "names": chunk.names, "kept": chunk.kept}
            faults = [dataclasses.asdict(fault) for fault in chunk.faults]
            send(link, {"chunk": head, "faults": faults, "columns": len(chunk.columns)})
            for column in chunk.columns:
                send(link, _shared(column))
        send(link, {"end": True})
    except (InputError, TooLargeError, UnreadableError) as error:
        send(link, _error(error))


def receive_chunks(link: socket.socket) -> Iterator[Chunk]:
    """Yield the chunks that `send_chunks` sends, and raise its error."""
    while "end" not in (message := receive(link)):
        if "died" in message:
            raise ReaderDiedError(message["died"])
        if "error" in message:
            raise _raised(message)
        columns = [_spread(receive(link)) for _ in range(message["columns"])]
        yield Chunk(**message["chunk"], columns=columns, faults=[Fault(**fault) for fault in message["faults"]])


def _characters(column: Sequence[Any]) -> int:
    return sum(len(cell) for cell in column if type(cell) is str)


def _shared(column: Sequence[Any]) -> Any:
    """Return a column as it is, or its distinct cells and where they stand."""
    if _characters(column) < _WORTH_SHARING or any(type(cell) not in (str, type(None)) for cell in column):
        return column
    levels = {cell: place for place, cell in enumerate(dict.fromkeys(column))}
    if 2 * len(levels) > len(column):
        return column
    return {"levels": list(levels), "cells": [levels[cell] for cell in column]}


def _spread(column: Any) -> Sequence[Any]:
    if type(column) is not dict:
        return list(column)
    levels = column["levels"]
    return [levels[place] for place in column["cells"]]


def _error(error: GatewayError) -> dict[str, Any]:
    faults = [dataclasses.asdict(fault) for fault in error.faults] if isinstance(error, InputError) else []
    said = {"code": error.code, "message": error.message, "hint": error.hint}
    return {"error": type(error).__name__, "said": said, "faults": faults}


def _raised(message: dict[str, Any]) -> GatewayError:
    said = message["said"]
    if message["error"] == "InputError":
        return InputError([Fault(**fault) for fault in message["faults"]], hint=said["hint"])
    kind = TooLargeError if message["error"] == "TooLargeError" else UnreadableError
    return kind(said["message"], code=said["code"], hint=said["hint"])
