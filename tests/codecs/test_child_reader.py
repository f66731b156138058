"""Tables that are read in a process of their own: the same rows, and a bomb ends nobody else."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from gateway.codecs.child_reader import IsolatedReader
from gateway.codecs.chunks import BatchReader, ReadLimits
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.xlsx import ExcelReader
from gateway.errors import Fault, InputError, TooLargeError
from serving import gone, until

TABLE = {"a": [1, 2, None], "b": ["x", "x" * 40_000, "x" * 40_000], "c": [0.5, float("nan"), 2.0]}


def parquet(table: Any, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def parquet_bomb(kind: Any, value: Any) -> bytes:
    """Return a small file of one long value in 600 rows, with the true sizes in its footer."""
    sink = io.BytesIO()
    schema = pa.schema([("query", kind)])
    with pq.ParquetWriter(sink, schema, compression="zstd", dictionary_pagesize_limit=2**26) as writer:
        for _ in range(12):
            writer.write_table(pa.table({"query": pa.array([value] * 50, kind)}, schema=schema))
    return sink.getvalue()


def workbook(rows: list[list[Any]]) -> bytes:
    """Return rows as an XLSX file."""
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return sink.getvalue()


def workbook_bomb(cells: int, length: int) -> bytes:
    """Return a workbook in which many cells share one long text."""
    sink = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["query"], *([["shared"]] * cells)]))) as book,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in book.namelist():
            content = book.read(name)
            if name == "xl/sharedStrings.xml":
                content = content.replace(b"<t>shared</t>", b"<t>" + os.urandom(length // 2).hex().encode() + b"</t>")
            bomb.writestr(name, content)
    return sink.getvalue()


def helpers() -> list[psutil.Process]:
    """Return the processes of this one that fork readers."""
    found = []
    for one in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # one of them may have ended a moment ago
            if "gateway.codecs.child_reader_process" in one.cmdline():
                found.append(one)
    return found


def rows_of(reader: BatchReader, body: bytes) -> list[tuple[Any, ...]]:
    """Return all rows, with their header."""
    chunks = list(reader.read(io.BytesIO(body), ReadLimits()))
    rows: list[tuple[Any, ...]] = [tuple(chunks[0].names)]
    for chunk in chunks:
        rows += zip(*chunk.columns, strict=True)
    return rows


@pytest.mark.parametrize(
    ("kind", "reader", "body"),
    [
        ("parquet", ParquetReader(), lambda: parquet(pa.table(TABLE))),
        ("parquet", ParquetReader(), lambda: parquet(pa.table({"a": range(25_000), "b": ["x" * 99] * 25_000}))),
        ("xlsx", ExcelReader(), lambda: workbook([["a", "b"], [1, "x"], ["", 2.5], [True, "ü"]])),
    ],
    ids=["parquet", "long parquet", "xlsx"],
)
def test_reads_the_rows_that_the_own_reader_reads(kind: str, reader: BatchReader, body: Callable[[], bytes]) -> None:
    """A table comes out of the other process cell by cell as it would in this one."""
    content = body()
    assert rows_of(IsolatedReader(kind), content) == rows_of(reader, content)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("parquet", lambda: parquet_bomb(pa.string(), "a" * 500_000), id="string"),
        pytest.param("xlsx", lambda: workbook_bomb(4_000, 1_000_000), id="shared text of a workbook"),
        *(
            pytest.param("parquet", make, id=name, marks=pytest.mark.slow)
            for name, make in {
                "large_string": lambda: parquet_bomb(pa.large_string(), "a" * 500_000),
                "string_view": lambda: parquet_bomb(pa.string_view(), "a" * 500_000),
                "large_binary": lambda: parquet_bomb(pa.large_binary(), b"a" * 500_000),
                "fixed_size_binary": lambda: parquet_bomb(pa.binary(500_000), b"a" * 500_000),
            }.items()
        ),
    ],
)
def test_a_bomb_is_refused(kind: str, body: Callable[[], bytes]) -> None:
    """A small file that becomes gigabytes is told its limit; this process keeps its size."""
    content = body()
    assert len(content) < 1_200_000
    before = psutil.Process().memory_info().rss
    with pytest.raises(TooLargeError) as refused:
        list(IsolatedReader(kind).read(io.BytesIO(content), ReadLimits()))
    assert refused.value.code == "table-too-large"
    assert "MiB of memory" in refused.value.message or "Mi characters" in refused.value.message
    assert psutil.Process().memory_info().rss - before < 200 * 2**20


def test_faults_come_through() -> None:
    """What is wrong with a file is told as its own reader tells it."""
    with pytest.raises(InputError) as refused:
        list(IsolatedReader("parquet").read(io.BytesIO(b"PAR1 and no more PAR1"), ReadLimits()))
    assert isinstance(refused.value.faults[0], Fault)
    assert refused.value.faults[0].code == "parquet"
    with pytest.raises(TooLargeError) as many:
        list(IsolatedReader("parquet").read(io.BytesIO(parquet(pa.table({"a": range(11)}))), ReadLimits(max_rows=10)))
    assert many.value.code == "too-many-rows"


def test_a_reader_that_nobody_waits_for_ends() -> None:
    """Whoever lets go of the chunks ends the process that reads them."""
    body = parquet(pa.table({f"c{number}": [float(row) for row in range(80_000)] for number in range(10)}))
    chunks = IsolatedReader("parquet").read(io.BytesIO(body), ReadLimits())
    next(chunks)
    (helper,) = helpers()
    reader = min(helper.children(), key=lambda one: one.create_time())  # the other one waits for its file
    chunks.close()  # type: ignore[attr-defined]  # a generator
    until = time.monotonic() + 20
    while reader.is_running() and time.monotonic() < until:
        time.sleep(0.02)
    assert not reader.is_running()


def test_a_reader_that_died_while_it_waited_is_replaced() -> None:
    """The next file is not refused because the process that was to read it had to go."""
    body = parquet(pa.table({"a": [1]}))
    assert rows_of(IsolatedReader("parquet"), body) == [("a",), (1,)]
    (helper,) = helpers()
    until(lambda: len(helper.children()) == 1, what="the end of the reader")
    (waiting,) = helper.children()
    waiting.kill()
    until(lambda: waiting.status() == psutil.STATUS_ZOMBIE, what="its death")
    assert rows_of(IsolatedReader("parquet"), body) == [("a",), (1,)]


def test_a_dead_helper_is_replaced() -> None:
    """The next file after a death of the forking process is read by a new one."""
    body = parquet(pa.table({"a": [1]}))
    assert rows_of(IsolatedReader("parquet"), body) == [("a",), (1,)]
    (helper,) = helpers()
    helper.kill()
    helper.wait(10)
    assert rows_of(IsolatedReader("parquet"), body) == [("a",), (1,)]


#: A worker that reads a table, whose model has forked a process, which reads one too; tells who lives.
FORKED = """
import io, os, signal, sys, psutil
from gateway.codecs.chunks import ReadLimits
from gateway.codecs.child_reader import IsolatedReader

def read():
    next(IsolatedReader("parquet").read(io.BytesIO(bytes.fromhex(sys.argv[1])), ReadLimits()))
    return psutil.Process().children()[0].pid

ours = read()
if os.fork() == 0:
    print(ours, os.getpid(), read(), flush=True)
signal.pause()
"""


def test_the_helper_ends_with_its_worker_and_not_with_a_fork_of_it() -> None:
    """A process that a model forked keeps no helper of its worker alive, and gets one of its own."""
    body = parquet(pa.table({"a": [1]})).hex()
    worker = subprocess.Popen([sys.executable, "-c", FORKED, body], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    helper, fork, other = map(int, worker.stdout.readline().split())
    assert helper != other
    worker.kill()
    worker.wait()
    until(lambda: gone(helper), what="the end of the helper")
    assert not gone(fork)
    assert not gone(other)
    os.kill(fork, signal.SIGKILL)
    until(lambda: gone(other), what="the end of the fork's helper")
    worker.stdout.close()
