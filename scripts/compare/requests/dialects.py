"""Rows as every dialect writes them: JSON, query, forms, tables, tensors, data frames. Knows no route."""

import csv
import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import xlsxwriter

from compare.requests.base import FORM, JSON, Request, http, multipart, post, query, text

Row = Mapping[str, Any]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of all rows, in the order in which they first come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def table(rows: Sequence[Row], delimiter: str = ",", ending: str = "\r\n") -> bytes:
    """Return rows as CSV."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter, lineterminator=ending)
    names = columns_of(rows)
    writer.writerow(names)
    writer.writerows([text(row.get(name)) for name in names] for row in rows)
    return target.getvalue().encode()


def workbook(rows: Sequence[Row]) -> bytes:
    """Return rows as an XLSX workbook."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": datetime(2020, 1, 1, tzinfo=UTC)})
    sheet = book.add_worksheet()
    names = columns_of(rows)
    sheet.write_row(0, 0, names)
    for number, row in enumerate(rows, 1):
        values = [row.get(name) for name in names]
        sheet.write_row(number, 0, [json.dumps(one) if isinstance(one, list | dict) else one for one in values])
    book.close()
    return target.getvalue()


def parquet(rows: Sequence[Row]) -> bytes:
    """Return rows as Parquet; a column of mixed types is one of texts."""
    columns = {}
    for name in columns_of(rows):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError):
            columns[name] = pa.array([None if one is None else text(one) for one in values])
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), target)
    return target.getvalue()


def ndjson(rows: Sequence[Row]) -> bytes:
    """Return rows as one JSON object a line."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _lists(rows: Sequence[Row]) -> list[list[Any]]:
    names = columns_of(rows)
    return [[row.get(name) for name in names] for row in rows]


def _tensors(rows: Sequence[Row]) -> list[dict[str, Any]]:
    found = []
    for name in columns_of(rows):
        values = [row.get(name) for row in rows]
        kind = "FP64"
        if any(isinstance(one, str) for one in values):
            kind = "BYTES"
        elif all(isinstance(one, bool) for one in values):
            kind = "BOOL"
        elif all(isinstance(one, int) and abs(one) < 2**63 for one in values):
            kind = "INT64"
        found.append({"name": name, "shape": [len(rows)], "datatype": kind, "data": values})
    return found


def _binary(rows: Sequence[Row]) -> tuple[bytes, int]:
    """Return a body with raw tensors and how many bytes of it are JSON."""
    inputs, raw = [], b""
    for tensor in _tensors(rows):
        values, kind = tensor["data"], tensor["datatype"]
        if kind == "BYTES":
            texts = [text(one).encode() for one in values]
            data = b"".join(struct.pack("<I", len(one)) + one for one in texts)
        elif kind == "FP64":
            numbers = [one if isinstance(one, int | float) else float("nan") for one in values]
            data = struct.pack(f"<{len(values)}d", *(min(float(one), 1e300) for one in numbers))
        else:
            data = struct.pack(f"<{len(values)}{'?' if kind == 'BOOL' else 'q'}", *values)
        del tensor["data"]
        inputs.append(tensor | {"parameters": {"binary_data_size": len(data)}})
        raw += data
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": len(rows) % 2 == 0}}).encode()
    return head + raw, len(head)


def _file(content: bytes, file: str, kind: str) -> tuple[bytes, str]:
    return multipart([("file", file, kind, content)])


#: What makes a request of (server, name, path, rows); `name` is the model's in V2.
Writer = Callable[[str, str, str, Sequence[Row], Mapping[str, str]], Request]


def _body(make: Callable[[Sequence[Row]], bytes | Any], kind: str, end: str = "") -> Writer:
    def write(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
        made = make(rows)
        data = made if isinstance(made, bytes) else json.dumps(made).encode()
        return http(server, name, f"POST {path}{end}", data, {"Content-Type": kind, **headers})

    return write


def _upload(make: Callable[[Sequence[Row]], bytes], file: str, kind: str = "") -> Writer:
    def write(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
        body, media = _file(make(rows), file, kind)
        return http(server, name, f"POST {path}", body, {"Content-Type": media, **headers})

    return write


def _by_query(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    return http(server, name, f"GET {query(path, list(rows[0].items()))}", None, headers)


def _by_form(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    body = query("", list(rows[0].items()))[1:].encode()
    return http(server, name, f"POST {path}", body, {"Content-Type": FORM, **headers})


def _by_parts(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    body, kind = multipart([(field, "", "", text(value).encode()) for field, value in rows[0].items()])
    return http(server, name, f"POST {path}", body, {"Content-Type": kind, **headers})


def _model(path: str) -> str:
    return f"/v2/models/{path.strip('/').replace('/', '-')}/infer"


def _v2(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    body = json.dumps({"id": name, "inputs": _tensors(rows)}).encode()
    return http(server, name, f"POST {_model(path)}", body, {"Content-Type": JSON, **headers})


def _v2_frame(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    return post(server, name, _model(path), {"inputs": _tensors(rows), "parameters": {"content_type": "pd"}}, **headers)


def _v2_matrix(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    values = [value for row in _lists(rows) for value in row]
    tensor = {"name": "rows", "shape": [len(rows), len(columns_of(rows))], "datatype": "FP64", "data": values}
    return post(server, name, _model(path), {"inputs": [tensor]}, **headers)


def _v2_binary(server: str, name: str, path: str, rows: Sequence[Row], headers: Mapping[str, str]) -> Request:
    body, length = _binary(rows)
    own = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(length)}
    return http(server, name, f"POST {_model(path)}", body, {**own, **headers})


def _split(rows: Sequence[Row]) -> Any:
    return {"dataframe_split": {"columns": columns_of(rows), "data": _lists(rows)}}


def _line(rows: Sequence[Row]) -> Any:
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([text(value) for value in rows[0].values()])
    return {"data": target.getvalue()}


#: Dialects that hold one row.
ONE: Mapping[str, Writer] = {
    "object": _body(lambda rows: rows[0], JSON),
    "query": _by_query,
    "form": _by_form,
    "multipart-fields": _by_parts,
    "line": _body(_line, JSON),
}
#: Dialects that hold any number of rows.
MANY: Mapping[str, Writer] = {
    "json-list": _body(list, JSON),
    "json-lists": _body(_lists, JSON),
    "instances": _body(lambda rows: {"instances": list(rows)}, JSON),
    "instances-lists": _body(lambda rows: {"instances": _lists(rows)}, JSON),
    "data-lists": _body(lambda rows: {"data": _lists(rows)}, JSON),
    "csv": _body(table, "text/csv"),
    "csv-semicolon": _body(lambda rows: table(rows, ";", "\n"), "text/csv; charset=utf-8"),
    "tsv": _body(lambda rows: table(rows, "\t"), "text/tab-separated-values"),
    "csv-latin": _body(lambda rows: table(rows).decode().encode("latin-1", "replace"), "text/csv; charset=iso-8859-1"),
    "csv-utf16": _body(lambda rows: table(rows).decode().encode("utf-16"), "text/csv; charset=utf-16"),
    "ndjson": _body(ndjson, NDJSON),
    "multipart-csv": _upload(table, "rows.csv", "text/csv"),
    "multipart-ndjson": _upload(ndjson, "rows.jsonl"),
    "multipart-json": _upload(lambda rows: json.dumps(list(rows)).encode(), "rows.json", JSON),
    "v2": _v2,
    "v2-frame": _v2_frame,
    "v2-matrix": _v2_matrix,
    "v2-binary": _v2_binary,
    "mlflow-split": _body(_split, JSON, "/invocations"),
    "mlflow-records": _body(lambda rows: {"dataframe_records": list(rows)}, JSON, "/invocations"),
    "mlflow-instances": _body(lambda rows: {"instances": list(rows)}, JSON, "/invocations"),
    "mlflow-inputs": _body(
        lambda rows: {"inputs": {name: [row.get(name) for row in rows] for name in columns_of(rows)}},
        JSON,
        "/invocations",
    ),
    "mlflow-csv": _body(table, "text/csv", "/invocations"),
}
#: Dialects whose readers run in a process of their own; each costs a tenth of a second.
FILES: Mapping[str, Writer] = {
    "xlsx": _body(workbook, XLSX),
    "parquet": _body(parquet, PARQUET),
    "multipart-xlsx": _upload(workbook, "rows.xlsx"),
    "multipart-parquet": _upload(parquet, "rows.parquet", PARQUET),
    "mlflow-parquet": _body(parquet, PARQUET, "/invocations"),
}
EVERY: Mapping[str, Writer] = {**ONE, **MANY, **FILES}
