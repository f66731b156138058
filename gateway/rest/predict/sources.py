"""
Where the rows of a batch come from: a body by its content type, or the file of a form.

Picks the reader; what it reads is the codecs' business.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from flask import request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from gateway.codecs.base import Decoded, refuse
from gateway.codecs.chunks import BatchReader, Chunk, ReadLimits
from gateway.codecs.csv import CsvReader
from gateway.codecs.isolated import IsolatedReader
from gateway.codecs.json_batch import InstancesReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.codecs.reading_process import READERS
from gateway.errors import TooLargeError, UnreadableError
from gateway.rest.predict.body import body_of
from gateway.rest.predict.reader_slots import Seat
from gateway.rest.predict.spool import open_spool, scratch, spool_body
from gateway.routing.routes import Route

MULTIPART: Final = "multipart/form-data"
#: One field of a form; files may be longer.
MAX_FIELD_BYTES: Final = 2 * 1024 * 1024
MAX_PARTS: Final = 2_000
#: Media type of a body -> format.
BODY_TYPES: Final[Mapping[str, str]] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/parquet": "parquet",
}
#: First bytes of what is no table -> what it is, and what to do about it.
_FOREIGN: Final = {
    b"\x1f\x8b": ("compressed with gzip", "unpack it, or send it as a body with Content-Encoding: gzip"),
    b"%PDF": ("a PDF", "save the table as CSV, NDJSON, XLSX or Parquet"),
    b"\x89PNG": ("a picture", "save the table as CSV, NDJSON, XLSX or Parquet"),
    b"\xff\xd8": ("a picture", "save the table as CSV, NDJSON, XLSX or Parquet"),
}
#: First bytes of a file -> format; they beat its name and type, which browsers guess.
_MAGIC: Final = (
    (b"PK\x03\x04", "xlsx"),
    (b"PAR1", "parquet"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    *((head, "") for head in _FOREIGN),
)
#: End of a file's name -> format.
_ENDINGS: Final = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}


@dataclass(slots=True)
class BatchSource:
    """
    Hold a batch that nobody has read yet.

    `options` are the underscore fields that came with it.
    """

    reader: BatchReader
    body: IO[bytes]
    options: Mapping[str, Any] = field(default_factory=dict)

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
        yield from self.reader.read(self.body, limits)  # type: ignore[arg-type]  # a temporary file is a BinaryIO

    def close(self) -> None:
        """Let go of the body, and of the right to read it."""
        self.body.close()
        self.leave_seat()


@dataclass(slots=True)
class Fields:
    """Hold the fields of a form without a file: one instance."""

    values: dict[str, str]
    repeated: frozenset[str]


def is_table(media: str) -> bool:
    """Say whether a media type is a batch by itself."""
    return media in BODY_TYPES


def body_source() -> BatchSource:
    """Spool the current body, whose media type is one of BODY_TYPES."""
    reader = _reader(BODY_TYPES[request.mimetype], request.mimetype_params.get("charset"))
    body, _ = spool_body()
    return BatchSource(reader, body)


def form_source(route: Route, body: IO[bytes], size: int) -> BatchSource | Fields:
    """Take a spooled multipart form apart: the file called `file`, or the fields of one instance."""
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    folder = scratch()

    def parse() -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        parser = MultiPartParser(
            stream_factory=lambda *_, **__: open_spool(folder),
            max_form_memory_size=MAX_FIELD_BYTES,
            max_form_parts=MAX_PARTS,
        )
        return parser.parse(body, boundary, size)

    if not boundary:
        refuse("multipart", "the content type names no boundary", expected="multipart/form-data; boundary=…")
    try:
        form, files = route.run(parse)
    except RequestEntityTooLarge:
        raise TooLargeError(
            f"the form has more than {MAX_PARTS} parts, or fields of more than {MAX_FIELD_BYTES} bytes",
            code="form-too-large",
            hint="send long texts and many rows as a file in the field 'file', or as application/json",
        ) from None
    except ValueError as error:
        reason = "its boundary never comes" if "PREAMBLE" in str(error) else f"it is broken or ends early ({error})"
        refuse("multipart", f"the form cannot be taken apart: {reason}", expected="multipart/form-data")
    finally:
        body.close()
    if files:
        return _file(route, files, form.to_dict())
    repeated = frozenset(name for name in form if len(form.getlist(name)) > 1)
    return Fields(form.to_dict(), repeated)


def _file(route: Route, files: MultiDict[str, FileStorage], options: Mapping[str, str]) -> BatchSource:
    given = files.getlist("file")
    if len(given) != 1 or len(files) > 1:
        names = ", ".join("one without a name" if one is None else repr(one[:40]) for one, _ in files.items(multi=True))
        refuse(
            "multipart",
            "a batch is one file in the field 'file'",
            at="form",
            expected="file",
            hint=f"call the field of the file 'file' (got {names})",
        )
    stream: Any = given[0].stream
    kind = _kind_of(given[0])
    charset = given[0].mimetype_params.get("charset")
    if kind == "json":
        body = body_of(stream.read(), request.environ)
        stream.close()
        return json_source(route.run(lambda: body.decode(route)))
    return BatchSource(_reader(kind, charset), stream, options)


def json_source(decoded: Decoded) -> BatchSource:
    """Wrap instances that are decoded already."""
    return BatchSource(InstancesReader(decoded), open_spool(None), decoded.parameters)


def _kind_of(file: FileStorage) -> str:
    """Tell the format of a file by its first bytes, its type, its name; CSV when nothing else speaks."""
    head = file.stream.read(4)
    file.stream.seek(0)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            if magic in _FOREIGN:
                what, hint = _FOREIGN[magic]
                raise UnreadableError(f"the file is {what}", hint=hint)
            return kind
    if file.mimetype in BODY_TYPES:
        return BODY_TYPES[file.mimetype]
    name = (file.filename or "").lower()
    ending = name[name.rfind(".") :] if "." in name else ""
    if file.mimetype == "application/json":
        return "json"
    return _ENDINGS.get(ending, "csv")


def _reader(kind: str, charset: str | None) -> BatchReader:
    if kind == "csv":
        return CsvReader(charset)
    if kind == "ndjson":
        return NdjsonReader()
    if kind in READERS:
        return IsolatedReader(kind)
    raise UnreadableError("the file is an old Excel workbook (.xls)", hint="save it as .xlsx or CSV")
