"""
Where the rows of a batch come from: a body by its media type, a file of a form, or decoded instances.

Picks the reader; what it reads is the codecs' business.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Any, Final

from gateway.codecs.base import Decoded
from gateway.codecs.child_reader import IsolatedReader
from gateway.codecs.child_reader_process import READERS
from gateway.codecs.chunks import BatchReader, Chunk, ReadLimits
from gateway.codecs.csv import CsvReader
from gateway.codecs.json_batch import InstancesReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.codecs.table_place import FIRST, TablePlace
from gateway.codecs.table_rows import MAX_BLANK_ROWS
from gateway.errors import Fault, OptionError, UnreadableError
from gateway.registry.contract import Contract
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.percent_encoding import encoded_texts
from gateway.rest.predict.reader_slots import Seat
from gateway.rest.predict.spool import open_spool

#: Media type of a body -> format.
BODY_TYPES: Final[Mapping[str, str]] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/jsonlines": "ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/parquet": "parquet",
}


@dataclass(slots=True)
class BatchSource:
    """
    Hold a batch that nobody has read yet.

    `options` are the underscore fields that came with it. `positions` are the fields of a model that knows no names: a
    table that has other names, and as many, is read in this order. `kind` is the format of the body.
    """

    reader: BatchReader
    body: IO[bytes]
    options: Mapping[str, Any] = field(default_factory=dict)
    positions: Sequence[str] = ()
    kind: str = "json"

    seat: Seat | None = None

    def take_seat(self, deadline: float) -> None:
        """Wait for the right to read where a process of its own does, of which there are few; raises OverloadError."""
        if isinstance(self.reader, IsolatedReader):
            self.seat = Seat(deadline)

    def leave_seat(self) -> None:
        """Give that right back."""
        if self.seat is not None:
            self.seat.release()

    def read(self, limits: ReadLimits) -> Generator[Chunk]:
        """Yield the rows in order, from the first one on."""
        for chunk in self.reader.read(self.body, limits):  # type: ignore[arg-type]  # a temporary file is a BinaryIO
            is_unnamed = chunk.instances is None and len(chunk.names) == len(self.positions)
            if is_unnamed and not any(name in self.positions for name in chunk.names):
                chunk.names = self.positions
            yield chunk

    def close(self) -> None:
        """Let go of the body, and of the right to read it."""
        self.body.close()
        self.leave_seat()


def is_table(media: str) -> bool:
    """Say whether a media type is a batch by itself."""
    return media in BODY_TYPES


def table_source(request: Intake, contract: Contract) -> BatchSource:
    """Spool a request whose media type is one of BODY_TYPES."""
    kind = BODY_TYPES[request.media]
    place = place_of(kind, options_of(request.environ), "query", contract)
    reader = reader_for(kind, request.media_options.get("charset"), place)
    body, _ = request.spool()
    return BatchSource(reader, body, kind=kind)


def json_source(decoded: Decoded, options: Mapping[str, Any] = MappingProxyType({})) -> BatchSource:
    """Wrap instances that are decoded already; `options` came beside their body, and those inside it go first."""
    return BatchSource(InstancesReader(decoded), open_spool(None), {**options, **decoded.parameters})


def options_of(environ: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the options of the table that stand in the query."""
    text: str = environ.get("QUERY_STRING", "")
    if "_sheet" not in text and "_header" not in text:
        return {}
    return encoded_texts("query", text.encode("latin-1")).values


def place_of(kind: str, options: Mapping[str, str], at: str, contract: Contract) -> TablePlace:
    """Return where a table stands in a file of some format, as the options of the call say; raises OptionError."""
    sheet, header = options.get("_sheet", "").strip(), options.get("_header", "").strip()
    if sheet and kind != "xlsx":
        raise OptionError([Fault(f"{at}._sheet", "option", "only an XLSX workbook has sheets", "no _sheet")])
    if header and kind not in ("xlsx", "csv"):
        raise OptionError([Fault(f"{at}._header", "option", "only CSV and XLSX have a row of names", "no _header")])
    if header and not (header.isascii() and header.isdigit() and 1 <= int(header[:9]) <= MAX_BLANK_ROWS):
        message = f"{header[:40]!r} is no number of a row"
        raise OptionError([Fault(f"{at}._header", "option", message, "the row of the header, from 1")])
    return TablePlace(sheet, int(header or 0), contract.codec.fields, contract.codec.order)


def reader_for(kind: str, charset: str | None, place: TablePlace = FIRST) -> BatchReader:
    """Return the reader of a format; raises UnreadableError."""
    if kind == "csv":
        return CsvReader(charset, place)
    if kind == "ndjson":
        return NdjsonReader()
    if kind in READERS:
        return IsolatedReader(kind, place)
    raise UnreadableError("the file is an old Excel workbook (.xls)", hint="save it as .xlsx or CSV")
