"""Read a file of rows for a model: CSV, NDJSON, XLSX or Parquet, validated as the route validates a batch."""

import codecs
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from gateway.codecs.chunks import BatchReader, Chunk, ReadLimits
from gateway.codecs.csv import CsvReader
from gateway.codecs.ndjson import NdjsonReader
from gateway.codecs.parquet import ParquetReader
from gateway.codecs.table_place import TablePlace
from gateway.codecs.xlsx import ExcelReader
from gateway.errors import Fault, GatewayError, InputError, TooLargeError, UnreadableError
from gateway.prepare.table_words import said_of_file, unreadable
from gateway.registry.contract import Contract
from gateway.schema import Batch
from gateway.system import files
from gateway.system.suggest import did_you_mean, listing

#: Rows of one file: as many as one batch of a route has unless the registry says otherwise.
MOST_ROWS: Final = 100_000
#: A file is read into memory whole.
MOST_BYTES: Final = 512 * 2**20
_ENDINGS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST_NAMED: Final = 5


@dataclass(slots=True)
class Table:
    """Hold the validated rows of a file, and the cells of the columns that were asked for beside the inputs."""

    batch: Batch
    beside: dict[str, list[Any]]
    names: tuple[str, ...]


def read_table(path: Path, contract: Contract, beside: Sequence[str] = ()) -> Table:
    """
    Return the rows of a file; raises GatewayError for a file that cannot be read or does not fit the model.

    `beside` are columns that are returned as they stand. They count as inputs only where a field has their name.
    """
    reader = _reader(path, contract)
    try:
        with files.open_regular(path) as stream:
            parts = [_part(chunk, contract, beside, path) for chunk in reader.read(stream, _limits(path))]
    except OSError as error:
        raise GatewayError(
            f"{path.name} cannot be read: {error.strerror}", code="table-unreadable", hint="name a readable file"
        ) from error
    except InputError as error:
        raise _unfit(path, error.faults, error.total) from error
    except (TooLargeError, UnreadableError) as error:
        raise unreadable(path.name, error.message, error.hint) from error
    faults = [fault for part in parts for fault in part.faults]
    if faults:
        raise _unfit(path, faults, len(faults))
    return _joined([part.table for part in parts])


@dataclass(slots=True)
class _Part:
    """Hold the rows of one chunk, or its faults."""

    table: Table
    faults: list[Fault]


def _limits(path: Path) -> ReadLimits:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise GatewayError(
            f"{path.name} has {size:,} bytes, at most {MOST_BYTES:,} are read",
            code="table-unreadable",
            hint="take a sample of its rows",
        )
    return ReadLimits(max_rows=MOST_ROWS)


def _reader(path: Path, contract: Contract) -> BatchReader:
    kind = _ENDINGS.get(path.suffix.lower())
    place = TablePlace(known=contract.codec.fields, order=contract.codec.order)
    if kind == "csv":
        return CsvReader(_charset(path), place)
    if kind == "ndjson":
        return NdjsonReader()
    if kind == "xlsx":
        return ExcelReader(place)
    if kind == "parquet":
        return ParquetReader()
    raise GatewayError(
        f"'{path.name}' ends in none of {', '.join(_ENDINGS)}",
        code="table-unreadable",
        hint="save the rows as CSV, NDJSON, XLSX or Parquet",
    )


def _charset(path: Path) -> str | None:
    """Return UTF-16 where a byte order mark says so, as in the "Unicode text" of spreadsheets; None is UTF-8."""
    with contextlib.suppress(OSError), files.open_regular(path) as stream:
        return "utf-16" if stream.read(2) in _UTF_16 else None
    return None


def _part(chunk: Chunk, contract: Contract, beside: Sequence[str], path: Path) -> _Part:
    fields = {name for one in contract.validator.signature.inputs for name in (one.name, *one.aliases)}
    taken = [name for name in beside if name not in fields]
    names = list(chunk.names) if chunk.instances is None else _members(chunk.instances)
    _check_beside(names, beside, path)
    faults = list(chunk.faults)
    batch, cells = Batch([], 0), dict[str, list[Any]]()
    try:
        if chunk.instances is None:
            cells = {name: list(chunk.columns[names.index(name)]) for name in beside}
            kept = [place for place, name in enumerate(names) if name not in taken]
            columns = [chunk.columns[place] for place in kept]
            batch = contract.validator.columns([names[place] for place in kept], columns)
        else:
            cells = {name: [_member(row, name) for row in chunk.instances] for name in beside}
            rows = [_without(row, taken) for row in chunk.instances]
            batch = contract.validator.rows(rows, text=chunk.text, at=chunk.at, table=chunk.shared)
    except InputError as error:
        if any(fault.row is None for fault in error.faults):
            raise
        faults += [_rebased(fault, chunk) for fault in error.faults]
    return _Part(Table(batch, cells, tuple(names)), sorted(faults, key=lambda fault: fault.row or 0))


def _members(rows: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))


def _member(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None


def _without(row: Any, names: Sequence[str]) -> Any:
    return {key: value for key, value in row.items() if key not in names} if isinstance(row, dict) else row


def _rebased(fault: Fault, chunk: Chunk) -> Fault:
    """Return the fault with the number of its row in the file."""
    row = fault.row or 0
    return replace(fault, row=chunk.start + (row if chunk.kept is None else chunk.kept[row]))


def _check_beside(names: Sequence[str], beside: Sequence[str], path: Path) -> None:
    for name in beside:
        if name not in names:
            raise GatewayError(
                f"{path.name} has no column '{name}' ({listing(names, most=20)})",
                code="no-such-column",
                hint=did_you_mean(name, names) or "name one of its columns",
            )


def _unfit(path: Path, faults: Sequence[Fault], total: int) -> GatewayError:
    whole = faults[0]
    if total == 1 and whole.row is None and whole.at == "$":
        return unreadable(path.name, whole.message, whole.hint)
    named = "\n".join(f"    {line}" for line in _lines(faults))
    more = f"\n    and {total - _MOST_NAMED} more" if total > _MOST_NAMED else ""
    counted = "1 fault" if total == 1 else f"{total} faults"
    hint = next((fault.hint for fault in faults if fault.hint), None)
    return GatewayError(
        f"{path.name} does not fit the inputs of the model: {counted}\n{named}{more}",
        code="table-does-not-fit",
        hint=said_of_file(hint)
        if hint
        else "give every input of the model a column of its name, and every cell a value that it takes",
    )


def _lines(faults: Sequence[Fault]) -> Iterator[str]:
    """Yield where the first faults are and what they say; rows count from 0, as in golden.json."""
    for fault in faults[:_MOST_NAMED]:
        where = fault.at if fault.row is None else f"row {fault.row}{f', {fault.field}' if fault.field else ''}"
        yield f"{where}: {said_of_file(fault.message)}"


def _joined(tables: Sequence[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    first = tables[0]
    columns = [np.concatenate([table.batch.columns[i] for table in tables]) for i in range(len(first.batch.columns))]
    beside = {name: [cell for table in tables for cell in table.beside[name]] for name in first.beside}
    batch = replace(first.batch, columns=columns, size=sum(table.batch.size for table in tables), ids=None)
    return Table(batch, beside, first.names)
