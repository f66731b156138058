"""Batches over real HTTP: every format in and out, limits, bad rows, ids, and what a broken one costs the others."""

import csv
import io
import json
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

import serving
from serving import Answer, Gateway

SAMPLE = serving.ROOT / "models" / "insurance" / "sample.csv"
FIELDS = ["times_pregnant", "glucose", "blood_pressure", "skin_fold_thick", "serum_insulin", "mass_index"]
FIELDS += ["diabetes_pedigree", "age"]
PATIENTS = [
    [6, 148, 72, 35, 0, 33.6, 0.627, 50],
    [1, 85, 66, 29, 0, 26.6, 0.351, 31],
    [8, 183, 64, 0, 0, 23.3, 0.672, 32],
]
CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve a stub with tight limits."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "few.stub").write_text('{"inputs": ["a"]}')
    with serving.running(folder, cache, REGISTRY, workers=1) as server:
        yield server


MODELS = """
import time


def double(x: float) -> float:
    if x == 666:
        raise RuntimeError("poisoned")
    if x == 777:
        time.sleep(3)
    return 2 * x
"""

REGISTRY = """
version: 1
server: {max_body_size: 300000}
routes:
  /few: {artifact: few.stub, max_rows: 5}
"""


def table(rows: Any, header: Any = FIELDS, **options: Any) -> bytes:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, **options).writerows([header, *rows])
    return text.getvalue().encode()


def workbook(rows: Any, header: Any = FIELDS) -> bytes:
    """Return rows as an XLSX workbook."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    for y, row in enumerate([header, *rows]):
        sheet.write_row(y, 0, row)
    book.close()
    return target.getvalue()


def upload(
    server: Gateway,
    path: str,
    body: bytes,
    name: str = "a.csv",
    kind: str = "",
    *,
    field: str = "file",
    **headers: str,
) -> Answer:
    """Send a file as browsers and `curl -F` do."""
    part = f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    part += f"Content-Type: {kind}\r\n" if kind else ""
    full = part.encode() + b"\r\n" + body + b"\r\n--b--\r\n"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", path, full, {"Content-Type": "multipart/form-data; boundary=b", **headers})


def expected(five: Gateway) -> list[float]:
    """Return the answers to the patients, one by one."""
    rows = [dict(zip(FIELDS, row, strict=True)) for row in PATIENTS]
    return [five.post("/diabetes", row).json["prediction"] for row in rows]


def parquet(rows: Any) -> bytes:
    """Return patients as Parquet."""
    target = io.BytesIO()
    columns = dict(zip(FIELDS, map(list, zip(*rows, strict=True)), strict=True))
    pyarrow.parquet.write_table(pyarrow.table(columns), target)
    return target.getvalue()


def ndjson(rows: Any) -> bytes:
    """Return patients as NDJSON."""
    return b"\n".join(json.dumps(dict(zip(FIELDS, row, strict=True))).encode() for row in rows)


BODIES = {
    "text/csv": table(PATIENTS),
    "text/csv; charset=utf-16": table(PATIENTS).decode().encode("utf-16"),
    "application/x-ndjson": ndjson(PATIENTS),
    "application/vnd.apache.parquet": parquet(PATIENTS),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": workbook(PATIENTS),
    "application/json": json.dumps([dict(zip(FIELDS, row, strict=True)) for row in PATIENTS]).encode(),
}


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def sheet_of(body: bytes) -> list[dict[str, Any]]:
    """Return the rows of a workbook by the names of its header."""
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.parquet", XLSX]
)
def test_every_format_in_and_out(five: Gateway, kind: str, accept: str) -> None:
    """Whatever the body is and whatever Accept asks for: the answers of single calls, in order."""
    answer = five.request("POST", "/diabetes", BODIES[kind], {"Content-Type": kind, "Accept": accept})
    assert answer.status == 200, answer.body
    kind = answer.headers["content-type"].split(";")[0]
    assert accept in ("*/*", kind)
    if kind == "text/csv":
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        assert [float(row["glucose"]) for row in rows] == [148, 85, 183]
        found = [float(row["prediction"]) for row in rows]
    elif kind == "application/x-ndjson":
        found = [json.loads(line)["prediction"] for line in answer.body.splitlines()]
    elif kind == "application/vnd.apache.parquet":
        columns = pyarrow.parquet.read_table(io.BytesIO(answer.body)).to_pydict()
        assert columns["glucose"] == [148, 85, 183]
        found = columns["prediction"]
    elif kind == XLSX:
        sheet = sheet_of(answer.body)
        assert [row["glucose"] for row in sheet] == [148, 85, 183]
        found = [row["prediction"] for row in sheet]
    else:
        found = [one["prediction"] for one in answer.json["predictions"]]
    assert found == expected(five)


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("a.csv", "text/csv", BODIES["text/csv"]),
        ("a.tsv", "", table(PATIENTS, delimiter="\t")),
        ("export", "application/octet-stream", table(PATIENTS, delimiter=";")),
        ("a.csv", "application/vnd.ms-excel", BODIES["text/csv"]),
        ("a.xlsx", "", workbook(PATIENTS)),
        ("a.csv", "text/csv", workbook(PATIENTS)),
        ("a.parquet", "application/octet-stream", parquet(PATIENTS)),
        ("a.jsonl", "", ndjson(PATIENTS)),
        ("a.json", "application/json", BODIES["application/json"]),
    ],
)
def test_a_file_is_what_its_bytes_say(five: Gateway, name: str, kind: str, body: bytes) -> None:
    """First bytes, then content type, then name tell the format of an uploaded file."""
    answer = upload(five, "/diabetes", body, name, kind)
    assert [one["prediction"] for one in answer.json["predictions"]] == expected(five)


def test_the_insurance_sample_keeps_its_shape(five: Gateway) -> None:
    """The CSV of the original client is answered by an object of ids with 0 or 1, in the order of the file."""
    answer = upload(five, "/insurance", SAMPLE.read_bytes()).json
    ids = [row["id"] for row in csv.DictReader(SAMPLE.open())]
    assert list(answer) == ids
    assert {type(value) for value in answer.values()} == {int}
    assert set(answer.values()) <= {0, 1}


def test_without_an_id_column_the_answer_is_a_list(five: Gateway) -> None:
    """The same file without ids is a list in the order of the rows."""
    lines = [line.split(",", 1)[1] for line in SAMPLE.read_text().splitlines()]
    answer = upload(five, "/insurance", "\n".join(lines).encode()).json
    assert answer == list(upload(five, "/insurance", SAMPLE.read_bytes()).json.values())


def insurance(ids: list[str]) -> bytes:
    """Return the sample with other ids."""
    header, *rows = SAMPLE.read_text().splitlines()
    lines = [f"{one},{rows[at % len(rows)].split(',', 1)[1]}" for at, one in enumerate(ids)]
    return "\n".join([header, *lines]).encode()


def test_an_id_names_one_row(five: Gateway) -> None:
    """A second row with an id, and one without, are faults that name both rows; skipped, the first row stays."""
    body = insurance(["a", "b", "a", ""])
    answer = upload(five, "/insurance", body)
    assert answer.status == 400
    assert [(fault["code"], fault["row"]) for fault in answer.json["errors"]] == [
        ("duplicate-id", 2),
        ("missing-id", 3),
    ]
    assert "row 0" in answer.json["errors"][0]["message"]
    skipped = upload(five, "/insurance", body, Prefer="on-error=skip").json
    assert list(skipped["predictions"]) == ["a", "b"]
    assert skipped["total_errors"] == 2


def test_json_batches_have_ids_too(five: Gateway) -> None:
    """A JSON batch with ids is an object by id, duplicates and gaps are faults; without any id it is a list."""
    rows = [{"ID": int(row.pop("id")), **row} for row in csv.DictReader(SAMPLE.open())]
    typed = [
        {name: float(v) if str(v).replace(".", "").isdigit() else v for name, v in row.items()} for row in rows[:3]
    ]
    whole = upload(five, "/insurance", SAMPLE.read_bytes()).json
    assert five.post("/insurance", typed).json == {str(row["ID"]): whole[str(row["ID"])] for row in rows[:3]}
    assert [e["code"] for e in five.post("/insurance", [*typed, typed[0]]).json["errors"]] == ["duplicate-id"]
    bare = [{name: value for name, value in row.items() if name != "ID"} for row in typed]
    assert [e["code"] for e in five.post("/insurance", [*typed, bare[0]]).json["errors"]] == ["missing-id"]
    assert five.post("/insurance", bare).json == [whole[str(row["ID"])] for row in rows[:3]]


BAD = [PATIENTS[0], [6, "x", 72, 35, 0, 33.6, 0.627, 500], PATIENTS[1], [1, 2], PATIENTS[2]]


def test_faults_name_row_column_value_and_rule(five: Gateway) -> None:
    """All faults of all rows come at once, in the order of rows, with what was expected and what was there."""
    answer = five.request("POST", "/diabetes", table(BAD), CSV)
    assert answer.status == 400
    first, second, third = answer.json["errors"]
    assert (first["row"], first["field"], first["got"], first["code"]) == (1, "glucose", "x", "type")
    assert (second["row"], second["field"], second["got"], second["code"]) == (1, "age", "500", "maximum")
    assert (third["row"], third["code"], third["at"]) == (3, "arity", "$[3]")


@pytest.mark.parametrize("ask", ["header", "query", "form"])
def test_bad_rows_are_skipped_on_request(five: Gateway, ask: str) -> None:
    """Header, query and form field mean the same: good answers, and one fault per bad row."""
    if ask == "form":
        part = b'--b\r\nContent-Disposition: form-data; name="_on_error"\r\n\r\nskip\r\n'
        part += (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            + table(BAD)
            + b"\r\n--b--\r\n"
        )
        answer = five.request("POST", "/diabetes", part, {"Content-Type": "multipart/form-data; boundary=b"})
    else:
        path = "/diabetes?_on_error=skip" if ask == "query" else "/diabetes"
        headers = {**CSV, "Prefer": "on-error=skip"} if ask == "header" else CSV
        answer = five.request("POST", path, table(BAD), headers)
    assert answer.status == 200
    assert answer.headers["preference-applied"] == "on-error=skip"
    found = [one and one["prediction"] for one in answer.json["predictions"]]
    first, second, third = expected(five)
    assert found == [first, None, second, None, third]
    assert [(fault["row"], fault["code"]) for fault in answer.json["errors"]] == [(1, "type"), (3, "arity")]
    assert answer.json["total_errors"] == 2


def test_skipped_rows_in_the_other_formats(five: Gateway) -> None:
    """CSV and Parquet get a column `error`, NDJSON a line `{"error": …}`; every row as sent keeps its place."""
    headers = {**CSV, "Prefer": "on-error=skip"}
    text = five.request("POST", "/diabetes", table(BAD), {**headers, "Accept": "text/csv"}).body.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [bool(row["error"]) for row in rows] == [False, True, False, True, False]
    assert rows[1]["glucose"] == "x"
    assert rows[1]["prediction"] == ""
    lines = five.request(
        "POST", "/diabetes", table(BAD), {**headers, "Accept": "application/x-ndjson"}
    ).body.splitlines()
    assert ["error" in json.loads(line) for line in lines] == [False, True, False, True, False]
    body = five.request("POST", "/diabetes", table(BAD), {**headers, "Accept": "application/vnd.apache.parquet"}).body
    columns = pyarrow.parquet.read_table(io.BytesIO(body)).to_pydict()
    assert [error is None for error in columns["error"]] == [True, False, True, False, True]
    assert columns["glucose"] == [148, None, 85, None, 183]
    answer = five.request("POST", "/diabetes", table(BAD), {**headers, "Accept": XLSX})
    assert answer.headers["content-disposition"] == 'attachment; filename="diabetes.xlsx"'
    assert answer.headers["x-row-count"] == str(len(BAD))
    sheet = sheet_of(answer.body)
    assert [bool(row["error"]) for row in sheet] == [False, True, False, True, False]
    assert [row["glucose"] for row in sheet][:3] == [148, "x", 85]


def test_json_batches_skip_too(five: Gateway) -> None:
    """A JSON batch takes the option as a header, as a parameter, or beside `instances`."""
    rows = [dict(zip(FIELDS, row, strict=True)) for row in PATIENTS] + [{"glucose": 1, "nonsense": 2}]
    answers = [
        five.post("/diabetes", rows, {"Prefer": "on-error=skip"}).json,
        five.post("/diabetes", {"instances": rows, "_on_error": "skip"}).json,
        five.post("/diabetes?_on_error=skip", rows).json,
    ]
    assert [one and one["prediction"] for one in answers[0]["predictions"]] == [*expected(five), None]
    assert answers[0]["total_errors"] == 1
    assert answers[1]["predictions"] == answers[2]["predictions"] == answers[0]["predictions"]


def test_a_hundred_faults_and_their_number(five: Gateway) -> None:
    """Of thousands of faults, over several chunks, the first hundred are told and all are counted."""
    rows = [[1, "x", 72, 35, 0, 33.6, 0.627, 50]] * 12_345
    answer = five.request("POST", "/diabetes", table(rows), CSV).json
    assert len(answer["errors"]) == 100
    assert answer["total_errors"] == 12_345
    assert [fault["row"] for fault in answer["errors"]] == list(range(100))


def test_rows_of_later_chunks_have_their_number_in_the_batch(five: Gateway) -> None:
    """A fault in row 12,000 says so, in its path too."""
    rows = [PATIENTS[0]] * 12_000 + [[1, 1, 1, 1, 1, 1, 1, "old"]]
    (fault,) = five.request("POST", "/diabetes", table(rows), CSV).json["errors"]
    assert (fault["row"], fault["at"]) == (12_000, "$[12000].age")


def test_what_nobody_writes_is_not_acceptable(five: Gateway) -> None:
    """406 lists what there is; a list with something known in it is served; a browser gets JSON."""
    answer = five.request("POST", "/diabetes", BODIES["text/csv"], {**CSV, "Accept": "image/png"})
    assert answer.status == 406
    assert all(
        kind in answer.json["hint"]
        for kind in ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet", XLSX)
    )
    mixed = five.request("POST", "/diabetes", BODIES["text/csv"], {**CSV, "Accept": "image/png, text/csv;q=0.5"})
    assert mixed.headers["content-type"].startswith("text/csv")
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert five.request("POST", "/diabetes", BODIES["text/csv"], {**CSV, "Accept": browser}).json["predictions"]


def test_single_instances_come_as_tables_too(five: Gateway) -> None:
    """One instance by query with `Accept: text/csv` is a table of one row."""
    values = dict(zip(FIELDS, PATIENTS[0], strict=True))
    answer = five.get("/diabetes", {"Accept": "text/csv"}, **values)
    (row,) = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
    assert float(row["prediction"]) == expected(five)[0]
    assert float(row["age"]) == 50


@pytest.mark.parametrize("kind", ["image/png", "application/x-tar", "text/html", "application/vnd.ms-excel"])
def test_what_nobody_reads_is_unsupported(five: Gateway, kind: str) -> None:
    """415 lists the types of bodies."""
    answer = five.request("POST", "/diabetes", b"x", {"Content-Type": kind})
    assert answer.status == 415
    assert "text/csv" in answer.json["hint"]


def test_an_old_workbook_is_named(five: Gateway) -> None:
    """An .xls file is refused with what to do."""
    answer = upload(
        five, "/diabetes", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "application/vnd.ms-excel"
    )
    assert answer.status == 415
    assert "xlsx" in answer.json["hint"]


def test_a_form_without_a_file_is_one_instance(five: Gateway) -> None:
    """`curl -F name=value` is a form like any other."""
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), str(value).encode())
        for name, value in zip(FIELDS, PATIENTS[0], strict=True)
    )
    answer = five.request(
        "POST", "/diabetes", parts + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.json["prediction"] == expected(five)[0]


def test_a_file_under_another_name_is_told(five: Gateway) -> None:
    """A file in the field `upload` is a fault that says `file`."""
    answer = upload(five, "/diabetes", BODIES["text/csv"], field="upload")
    assert answer.status == 400
    assert "'file'" in answer.json["errors"][0]["message"]


NAMELESS = b'--b\r\nContent-Disposition: form-data; filename="a.csv"\r\n\r\nglucose\n1\n\r\n--b--\r\n'


@pytest.mark.parametrize("body", [b"", b"--b", b"--b--", b"--b\r\n\r\nx", b"nothing of the kind", NAMELESS])
def test_broken_forms_are_faults(five: Gateway, body: bytes) -> None:
    """A form that cannot be taken apart, or holds nothing, is a 400."""
    assert five.request("POST", "/diabetes", body, {"Content-Type": "multipart/form-data; boundary=b"}).status == 400
    assert five.request("POST", "/diabetes", body, {"Content-Type": "multipart/form-data"}).status == 400


def test_missing_columns_are_one_fault_each(five: Gateway) -> None:
    """A table without a column says so once, not once per row."""
    rows = [row[1:] for row in PATIENTS]
    (fault,) = five.request("POST", "/diabetes", table(rows, FIELDS[1:]), CSV).json["errors"]
    assert fault["field"] == "times_pregnant"
    assert fault["at"] == "header.times_pregnant"


def test_formulas_do_not_come_back_alive(five: Gateway) -> None:
    """A cell that a spreadsheet would run comes back with an apostrophe, in columns of no field too; in XLSX as text."""
    rows = [[*PATIENTS[0], "=HYPERLINK(1)"]]
    answer = five.request("POST", "/diabetes", table(rows, [*FIELDS, "note"]), {**CSV, "Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
    assert row["note"] == "'=HYPERLINK(1)"
    answer = five.request("POST", "/diabetes", table(rows, [*FIELDS, "note"]), {**CSV, "Accept": XLSX})
    assert sheet_of(answer.body)[0]["note"] == "=HYPERLINK(1)"
    assert b"<f" not in zipfile.ZipFile(io.BytesIO(answer.body)).read("xl/worksheets/sheet1.xml")


def test_the_limit_of_rows_is_413(small: Gateway) -> None:
    """A batch above max_rows is refused by number, in every format."""
    for kind, body in (
        ("text/csv", b"a\n" + b"1\n" * 6),
        ("application/x-ndjson", b"{}\n" * 6),
        ("application/json", b"[{},{},{},{},{},{}]"),
    ):
        answer = small.request("POST", "/few", body, {"Content-Type": kind})
        assert (answer.status, answer.json["type"]) == (413, "urn:gateway:error:too-many-rows"), kind


def test_a_body_above_the_limit_is_refused_before_it_is_sent(small: Gateway) -> None:
    """Content-Length alone is enough for a 413; a chunked body is cut off as soon as it is too long."""
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as client:
        client.sendall(b"POST /few HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as client:
        client.sendall(b"POST /few HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall((b"10000\r\n" + b"1\n" * 0x8000 + b"\r\n") * 5)
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def chunked(values: list[float]) -> bytes:
    """Return a table of one column."""
    return table([[value] for value in values], ["x"])


def test_a_failure_in_mid_stream_cuts_the_answer(gateway: Any, tmp_path: Path) -> None:
    """A batch whose third chunk fails has no end, so no client takes it for whole; the worker and the slot live on."""
    (tmp_path / "failing.py").write_text(MODELS)
    registry = (
        f"version: 1\nroutes:\n  /fails: {{artifact: {tmp_path}/failing.py:double, max_concurrency: 1, timeout_s: 2}}\n"
    )
    server: Gateway = gateway(registry, workers=1)
    for poison in (666, 777):
        body = chunked([1.0] * 25_000 + [poison])
        request = b"POST /fails HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            client.sendall(request + body)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'{"prediction":2.0}' in answer
        assert not answer.endswith(b"0\r\n\r\n")
    first = server.request("POST", "/fails", chunked([666.0] * 3), CSV)
    assert first.status == 500
    assert "poisoned" not in first.body.decode()
    assert server.request("POST", "/fails", chunked([1.0, 2.0]), CSV).json == {
        "predictions": [{"prediction": 2.0}, {"prediction": 4.0}]
    }
    assert server.events("batch cut off")


def test_a_client_that_does_not_read_holds_no_slot(gateway: Any, tmp_path: Path) -> None:
    """With one slot, a batch whose client stopped reading does not keep others from the route."""
    (tmp_path / "slow_reader.py").write_text(MODELS)
    entry = f"{{artifact: {tmp_path}/slow_reader.py:double, max_concurrency: 1, max_rows: 1000000}}"
    server: Gateway = gateway(f"version: 1\nroutes:\n  /x: {entry}\n", workers=1)
    body = chunked([1.5] * 300_000)
    request = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", server.port))
        client.sendall(request + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(1)
        assert server.post("/x", {"x": 2}).json == {"prediction": 4.0}
