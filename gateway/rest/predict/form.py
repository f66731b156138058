"""A multipart form: a batch as the file called `file`, or the fields of one instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from gateway.codecs.base import refuse
from gateway.errors import TooLargeError, UnreadableError
from gateway.registry.contract import Contract
from gateway.rest.predict.body import body_of
from gateway.rest.predict.intake import Intake
from gateway.rest.predict.sources import BODY_TYPES, BatchSource, json_source, options_of, place_of, reader_for
from gateway.rest.predict.spool import open_spool

MULTIPART: Final = "multipart/form-data"
#: One field of a form; files may be longer.
MAX_FIELD_BYTES: Final = 2 * 1024 * 1024
MAX_PARTS: Final = 2_000
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
class Fields:
    """Hold the fields of a form without a file: one instance."""

    values: dict[str, str]
    repeated: frozenset[str]


class Form:
    """Hold the form of one request, spooled before any slot is taken: a slow sender must not hold one."""

    __slots__ = ("_boundary", "_environ", "_folder", "_size", "_spooled")

    def __init__(self, request: Intake) -> None:
        self._boundary = request.media_options.get("boundary", "").encode("latin-1", "replace")
        self._environ, self._folder = request.environ, request.scratch
        self._spooled, self._size = request.spool()

    def read(self, contract: Contract) -> BatchSource | Fields:
        """Take the form apart; runs in a native thread. Raises InputError, TooLargeError, UnreadableError."""
        form, files = self._parts()
        if files:
            return self._batch(files, form.to_dict(), contract)
        repeated = frozenset(name for name in form if len(form.getlist(name)) > 1)
        return Fields(form.to_dict(), repeated)

    def _parts(self) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        parser = MultiPartParser(
            stream_factory=lambda *_, **__: open_spool(self._folder),
            max_form_memory_size=MAX_FIELD_BYTES,
            max_form_parts=MAX_PARTS,
        )
        try:
            if not self._boundary:
                refuse("multipart", "the content type names no boundary", expected="multipart/form-data; boundary=…")
            return parser.parse(self._spooled, self._boundary, self._size)
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
            self._spooled.close()

    def _batch(self, files: MultiDict[str, FileStorage], options: Mapping[str, str], contract: Contract) -> BatchSource:
        given = files.getlist("file")
        if len(given) != 1 or len(files) > 1:
            pairs = files.items(multi=True)
            names = ", ".join("one without a name" if name is None else repr(name[:40]) for name, _ in pairs)
            refuse(
                "multipart",
                "a batch is one file in the field 'file'",
                at="form",
                expected="file",
                hint=f"call the field of the file 'file' (got {names})",
            )
        file: Any = given[0]
        kind = _kind_of(file)
        place = place_of(kind, {**options_of(self._environ), **options}, "form", contract)
        if kind != "json":
            reader = reader_for(kind, file.mimetype_params.get("charset"), place)
            return BatchSource(reader, file.stream, options, kind=kind)
        body = body_of(file.stream.read(), self._environ)
        file.stream.close()
        return json_source(body.decode(contract), options)


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
