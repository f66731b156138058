"""
Parquet to rows and answers to Parquet. Knows no HTTP and no rule of a field.

pyarrow: the format's own implementation, reads by row ranges and without holding the interpreter. 170 MB on disk, so
it is an extra and imported when the first Parquet body comes.
"""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from gateway.answers.leaves import Leaf, column_names
from gateway.codecs.base import refuse
from gateway.codecs.chunks import Answered, Chunk, ReadLimits, cell
from gateway.codecs.sink import Sink
from gateway.errors import TooLargeError, UnreadableError

PIP_LINE = "pip install 'multi-model-gateway[parquet]'"
#: Sum of all pages, unpacked, as the file declares it.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
#: Rows per step of the reader: bounds the growth of one long repeated text.
_STEP_ROWS = 2_000


def _arrow() -> tuple[Any, Any]:
    """Import pyarrow; its memory goes back to the system when it is freed."""
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UnreadableError(
            "Parquet cannot be read or written here: pyarrow is not installed", code="missing-extra", hint=PIP_LINE
        ) from None
    arrow.set_memory_pool(arrow.system_memory_pool())
    return arrow, parquet


class ParquetReader:
    """Read a flat Parquet file: scalars only; null is an empty cell."""

    def read(self, body: BinaryIO, limits: ReadLimits) -> Iterator[Chunk]:
        """Yield the rows in order."""
        arrow, parquet = _arrow()
        body.seek(0)
        failures = (arrow.ArrowException, OSError, ValueError, OverflowError, KeyError)
        try:
            file = parquet.ParquetFile(body, pre_buffer=False, page_checksum_verification=False)
            names = self._check(file, limits)
            # Texts stay in dictionaries: a text of 1 MB in every row is then one object and not 10,000.
            texts = [field.name for field in file.schema_arrow if _is_text(arrow, field.type)]
            file = parquet.ParquetFile(body, read_dictionary=texts, pre_buffer=False)
        except failures as error:
            _refuse(error)
        most = limits.rows_of(len(names))
        step = min(_STEP_ROWS, most)
        batches = file.iter_batches(batch_size=step, use_threads=False)
        yield from self._chunks(batches, names, limits, most - step, failures)

    @staticmethod
    def _check(file: Any, limits: ReadLimits) -> list[str]:
        """Refuse by the footer, before a page is unpacked."""
        footer = file.metadata
        limits.check(footer.num_rows)
        if not footer.num_rows:
            refuse("empty-batch", "the Parquet file has no rows", expected="at least one row")
        limits.rows_of(footer.num_columns)
        unpacked = sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
        if unpacked > MAX_UNPACKED_BYTES:
            text = f"the file unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB"
            raise TooLargeError(text, code="parquet-too-large", hint="send it in parts")
        nested = [field.name for field in file.schema_arrow if field.type.num_fields]
        if nested:
            refuse("parquet", f"column {nested[0][:80]!r} is nested", expected="a flat table of scalars")
        return list(file.schema_arrow.names)

    @staticmethod
    def _chunks(
        batches: Iterator[Any], names: list[str], limits: ReadLimits, full: int, failures: Any
    ) -> Iterator[Chunk]:
        start, size = 0, 0
        columns: list[list[Any]] = [[] for _ in names]
        while True:
            try:
                step = next(batches, None)
                found = None if step is None else [_cells(column) for column in step.columns]
            except failures as error:
                _refuse(error)
            if found is not None and step is not None:
                for column, cells in zip(columns, found, strict=True):
                    column.extend(cells)
                size += step.num_rows
                limits.check(start + size)
            if size and (found is None or size > full):
                yield Chunk(start, size, names, columns)
                start, size, columns = start + size, 0, [[] for _ in names]
            if found is None:
                return


def _refuse(error: Exception) -> None:
    if isinstance(error, MemoryError):
        raise error
    refuse("parquet", f"the file is not readable Parquet: {str(error)[:200].strip()}", expected="a Parquet file")


def _is_text(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind))


def _cells(column: Any) -> list[Any]:
    """Return the values of a column as Python's own; repeated texts are one object."""
    # A damaged page may hold indices beyond its dictionary, and texts that are none.
    column.validate(full=True)
    if hasattr(column, "dictionary"):
        levels = [cell(_text(value)) for value in column.dictionary.to_pylist()]
        return [None if index is None else levels[index] for index in column.indices.to_pylist()]
    values = column.to_pylist()
    return values if values and type(values[0]) is int else [cell(_text(value)) for value in values]


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        byte = f"byte 0x{value[error.start]:02x}"
        refuse("encoding", f"a column of the type binary holds what is not UTF-8 ({byte})", expected="UTF-8 texts")


class ParquetWriter:
    """
    Write the input columns and the leaves of the answers, one row group per chunk.

    `input_types` are field types; columns of no field are texts. With `errors` the last column holds the fault of each
    bad row.
    """

    media_type = "application/vnd.apache.parquet"
    wants_inputs = "typed"

    def __init__(
        self, input_names: Sequence[str], input_types: Sequence[str], leaves: Sequence[Leaf], *, errors: bool = False
    ) -> None:
        self._arrow, parquet = _arrow()
        types = {
            "number": self._arrow.float64(),
            "integer": self._arrow.int64(),
            "boolean": self._arrow.bool_(),
        }
        kinds = [*input_types, *(leaf.type for leaf in leaves), *["string"] * errors]
        # Input columns may be named twice; a table may not.
        names = column_names((), [Leaf(name, (), "string") for name in input_names])
        names += column_names(names, leaves, errors=errors)
        self._schema = self._arrow.schema(
            [(name, types.get(kind, self._arrow.string())) for name, kind in zip(names, kinds, strict=True)]
        )
        self._leaves = leaves
        self._errors = errors
        self._sink = Sink()
        self._writer = parquet.ParquetWriter(self._arrow.PythonFile(self._sink, mode="w"), self._schema)

    def begin(self) -> bytes:
        """Return the magic bytes."""
        return self._sink.fetch()

    def rows(self, chunk: Answered) -> bytes:
        """Return a row group."""
        columns = chunk.columns(self._leaves, errors=self._errors)
        arrays = [self._array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        return self._sink.fetch()

    def end(self) -> bytes:
        """Return the footer."""
        self._writer.close()
        return self._sink.fetch()

    def _array(self, values: Sequence[Any], kind: Any) -> Any:
        if kind == self._arrow.string():
            values = [None if value is None else _utf8(value) for value in values]
        return self._arrow.array(values, type=kind)


def _utf8(value: Any) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()
