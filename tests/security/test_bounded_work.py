"""
What a request may cost grows no faster than what it sends, and what it sends has an end, also as gzip.

OWASP: API4, ML01
"""

import gzip
import io
import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.codecs.chunks import Chunk
from gateway.codecs.xlsx_contents import ErrorCells, Rectangle
from gateway.errors import InputError
from gateway.rest.middleware.compression import CONTENT_PER_MEMBER, MEMBERS
from gateway.rest.predict.tables import InputTable
from gateway.validation.column_names import places_of
from rest.one_worker import Worker, environ_of

MIB = 2**20
CODED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
#: The head of a gzip file, and blocks of no content that may follow it without end.
HEAD, NOTHING = b"\x1f\x8b\x08\0\0\0\0\0\0\3", b"\0\0\0\xff\xff"
#: What a sheet may consist of that is no cell, or none that ends.
SHEETS = [
    b"<c ",
    b"<c>",
    b"<c><f",
    b"<c><f>",
    b"<c a=",
    b"<x:c ",
    b"<c t='",
    b"<c\n",
    b"<" + b"c" * 50,
    b" r",
    b"<c> ",
    b"c>",
]
EMPTY = gzip.compress(b"")
ENDLESS = {"blocks": (HEAD, NOTHING), "members": (EMPTY, EMPTY), "a name": (HEAD[:3] + b"\x08" + HEAD[4:], b"name")}


class Endless(io.RawIOBase):
    """Be a body that goes on for ever, and count what was taken of it."""

    def __init__(self, head: bytes, more: bytes) -> None:
        self._bytes = self._flow(head, more)
        self.taken = 0

    @staticmethod
    def _flow(head: bytes, more: bytes) -> Iterator[bytes]:
        yield head
        while True:
            yield more * (4096 // len(more))

    def read(self, size: int = -1) -> bytes:
        """Return some bytes, never more than asked for."""
        assert self.taken < 4 * MIB, "it is read for ever"
        found = next(self._bytes)[:size]
        self.taken += len(found)
        return found


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Serve the sum of two numbers, with bodies of 1 MiB."""
    return Worker(tmp_path_factory.mktemp("bounded"))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(("head", "more"), ENDLESS.values(), ids=ENDLESS)
def test_gzip_without_content_has_an_end(worker: Worker, head: bytes, more: bytes, fast: bool) -> None:
    """Blocks, members and names that hold nothing count as a body does: refused by name, the rest is not read."""
    body = Endless(head, more)
    environ = environ_of("POST", "/sum", b"", CODED | {"Transfer-Encoding": "chunked"}, **{"wsgi.input": body})
    answer = worker.ask(environ, fast=fast)
    assert (answer.status, answer.json["type"].rpartition(":")[2]) in {(413, "body-too-large"), (400, "bad-encoding")}
    assert answer.json["hint"]
    assert body.taken < 1.2 * MIB


def test_a_gzip_body_that_is_too_long_is_refused_before_it_comes(worker: Worker) -> None:
    """Content-Length says it; whoever may not ask at all is told that, and not how long a body may be."""
    for path, status in (("/sum", 413), ("/nowhere", 404)):
        body = Endless(HEAD, NOTHING)
        environ = environ_of("POST", path, b"", CODED | {"Content-Length": str(10**10)}, **{"wsgi.input": body})
        assert (worker.ask(environ).status, body.taken) == (status, 0)


@pytest.mark.parametrize("spaces", [MIB - 13, MIB - 12])
def test_what_does_not_compress_may_be_a_little_longer(worker: Worker, spaces: int) -> None:
    """A body of exactly the limit is read also where gzip makes it longer; one byte more is refused."""
    coder = zlib.compressobj(0, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    plain = b'{"a":1,' + b" " * spaces + b'"b":2}'
    coded = coder.compress(plain) + coder.flush()
    assert len(coded) > MIB
    assert worker.ask(environ_of("POST", "/sum", coded, CODED)).status == (200 if len(plain) <= MIB else 413)


def test_a_file_of_many_members_is_read_where_they_hold_something(worker: Worker) -> None:
    """Programs that compress block by block, or line by line, are served."""
    many = gzip.compress(b'{"a":1,') + gzip.compress(b" " * CONTENT_PER_MEMBER) * MEMBERS + gzip.compress(b'"b":2}')
    assert worker.ask(environ_of("POST", "/sum", many, CODED)).json == {"prediction": 3.0}


class Walked(list[str]):
    """Be names that nobody may walk for each one of them."""

    def index(self, *_: Any) -> int:
        """Fail."""
        raise AssertionError("the names of a table are walked once for each of them")

    def __contains__(self, _: object) -> bool:
        return bool(self.index())


def test_columns_are_found_without_walking_all_names(worker: Worker) -> None:
    """A header of 80 kB with ten thousand names of no field held a worker for a second."""
    route = worker.generation.table.by_name["sum"]
    names = Walked(["x", "a", "b", "a"])
    table = InputTable(route, Chunk(0, 0, names), has_ids=False)
    assert (table.names, table.types) == (names, ["string", "number", "number", "string"])
    contract = route.must_serve()
    batch = contract.validator.columns(Walked(["x", "b", "a"]), [["0"], ["2"], ["1"]], at="$")
    assert [list(column) for column in batch.columns] == [[1.0], [2.0]]


def test_each_output_is_answered_once(worker: Worker) -> None:
    """100,000 rows and as many outputs of one name were an answer of 60 GB."""
    inputs = [{"name": name, "shape": [1], "datatype": "FP64", "data": [1]} for name in "ab"]
    for times, status in ((1, 200), (2, 400)):
        body = json.dumps({"inputs": inputs, "outputs": [{"name": "prediction"}] * times}).encode()
        answer = worker.ask(environ_of("POST", "/v2/models/sum/infer", body, {"Content-Type": "application/json"}))
        assert answer.status == status
    (fault,) = answer.json["errors"]
    assert (fault["at"], fault["code"]) == ("$.outputs[1].name", "repeated")


@pytest.mark.parametrize("piece", SHEETS)
def test_a_sheet_is_looked_through_once(piece: bytes) -> None:
    """A megabyte of tags without an end, 3 kB as sent, held a reader until its time was over."""
    sheet = piece * (32 * 1024 // len(piece)) + b"<f"
    began = time.thread_time()
    Rectangle().feed(sheet)
    cells = ErrorCells()
    assert cells.feed(sheet) + cells.end() == sheet
    assert time.thread_time() - began < 1.0  # it is some milliseconds, and was five seconds


def test_errors_and_formulas_of_a_sheet_are_found() -> None:
    """Whatever other attributes a cell has, and whatever stands before it."""
    cells = ErrorCells()
    sheet = b'<c <c r="A1" s=\'1\'\n t="e"><v>#N/A</v></c><x:c t=\'e\' r="B1"/><c te="e">'
    assert cells.feed(sheet) + cells.end() == sheet.replace(b't="e"><v', b't="str"><v').replace(b"t='e'", b"t='str'")
    with pytest.raises(InputError, match="cell B2 holds a formula"):
        ErrorCells().feed(b'<c r="A2" t="n"><f>1</f><v>1</v></c><c r="B2" s="1"><f a="b">1+1</f><v></v></c>')


def test_the_first_of_equal_names_counts() -> None:
    """As a list's own look-up finds it."""
    names = ["b", "a", "b", "c", "a"]
    assert places_of(names) == {name: names.index(name) for name in names}
