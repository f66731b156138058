"""
Decode a long JSON list piece by piece: the decoder holds the interpreter for as long as it runs, 0.3 s for 30 MB.

A piece ends behind a comma that may be one of the list itself. It is one exactly if the piece alone is a list:
inside a text or a nested value the brackets or quotes of the piece would be open. A wrong cut costs time, no more.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, Final

import msgspec

#: Bytes decoded at a time; about 2 ms for rows of numbers.
PIECE: Final = 256 * 1024
#: An element longer than so many pieces is no piece: there may be a list inside it.
_FAR: Final = 8
#: Positions that are tried for one cut, before the rest is decoded at once.
_TRIES: Final = 4
#: Where a long list begins: the body itself, a member of it, the data of a tensor. A quote inside a text is escaped.
_LIST: Final = re.compile(
    rb'\s{0,99}\[|"(?:data|instances|inputs|outputs|columns|dataframe_records)"\s{0,99}:\s{0,99}\['
)
_HEAD_BYTES: Final = 4 * 1024
#: Lists of the head that are tried, and elements of a list that are looked through for one of them.
_FIRST: Final = 4
_BLANK: Final = re.compile(rb"\s{0,99}")
_ENDS: Final = {b"{": re.compile(rb"\}\s{0,99},"), b"[": re.compile(rb"\]\s{0,99},")}
_COMMA: Final = re.compile(rb",")
#: Marks the position of the pieces in the decoded rest of the body; no client can send it.
_MARK: Final = secrets.token_hex(16)
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_decode = msgspec.json.Decoder().decode


def decode(body: bytes, check: Callable[[int], object]) -> Any:
    """
    Decode JSON; `check` is called with the rows (objects or lists) of a long list so far, and may raise.

    Raises msgspec.MsgspecError, UnicodeDecodeError, RecursionError as the decoder does.
    """
    for start in _starts(body) if len(body) > PIECE else ():
        rows, position = _pieces(body, start, check)
        if rows:
            return _joined(body, start, rows, position)
    return _decode(body)


def _starts(body: bytes) -> list[int]:
    """Return where the first lists begin, the inner ones of a nest last."""
    head = body[:_HEAD_BYTES]
    first = _LIST.match(head)
    found = [first] if first and first[0][:1] != b'"' else []
    found += [one for one in _LIST.finditer(head) if one[0][:1] == b'"'][:_FIRST]
    return [one.end() for one in found]


def _joined(body: bytes, start: int, rows: list[Any], position: int) -> Any:
    """Return the value of the whole body: the text after the pieces is decoded with a mark in their place."""
    head = b'%b"%b",' % (body[:start], _MARK.encode())
    try:
        value = _decode(head + body[position:])
    except msgspec.MsgspecError as error:
        said = str(error)
        byte = _BYTE.search(said)
        if byte is None or int(byte[1]) < len(head):
            raise
        moved = int(byte[1]) - len(head) + position
        raise msgspec.DecodeError(f"{said[: byte.start()]}(byte {moved}){said[byte.end() :]}") from None
    root = [value]
    place = _marked(root)
    if place is None:
        return _decode(body)  # one name twice
    holder, key = place
    rows += holder[key][1:]
    holder[key] = rows
    return root[0]


def _marked(holder: Any) -> tuple[Any, Any] | None:
    """Return the container of the list that begins with the mark, and its key there; searches first members only."""
    inner = holder.items() if type(holder) is dict else enumerate(holder[:_FIRST])
    for key, value in inner:
        if type(value) is list and value and value[0] == _MARK:
            return holder, key
        if type(value) in (list, dict) and (found := _marked(value)) is not None:
            return found
    return None


def _pieces(body: bytes, position: int, check: Callable[[int], object]) -> tuple[list[Any], int]:
    """Return the elements of all pieces but the last, and the start of the last one."""
    blank = _BLANK.match(body, position)
    first = position if blank is None else blank.end()
    end_of_element = _ENDS.get(body[first : first + 1], _COMMA)
    rows: list[Any] = []
    while len(body) - position > PIECE:
        cut = end_of_element.search(body, position + PIECE)
        for _ in range(_TRIES):
            if cut is None or cut.end() - position > _FAR * PIECE:
                return rows, position
            try:
                piece = _decode(b"[%b]" % body[position : cut.end() - 1])
            except (msgspec.MsgspecError, UnicodeDecodeError):
                cut = end_of_element.search(body, cut.end())
                continue
            break
        else:
            return rows, position
        if not piece:
            return rows, position
        rows += piece
        position = cut.end()
        if end_of_element is not _COMMA:
            check(len(rows))
    return rows, position
