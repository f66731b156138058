"""POST <route>/check says what the route would say of a body, in every format, without its model and its slots."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import batch_formats
from gateway.process.http.client_socket import Client
from gateway.process.http.deadlines import Waits
from gateway.routing.model import Model
from rest.one_worker import Answer, Worker, environ_of

STUB = {
    "inputs": [
        {"name": "age", "type": "integer", "minimum": 0, "maximum": 120},
        {"name": "area", "type": "string", "enum": ["rural", "urban"]},
        {"name": "mass_index", "nullable": True},
    ],
    "output": {"kind": "regression"},
}
REGISTRY = """\
version: 1
server: {max_body_size: 2MiB}
routes:
  /loan: {artifact: loan.stub.json, max_rows: 30000, inputs: {age: {aliases: [Age]}, mass_index: {required: false}}}
  /ids: {artifact: loan.stub.json, name: ids, batch: by_id, id: {field: [ID]}}
"""
NAMES = ("age", "area", "mass_index")
ROWS: tuple[tuple[Any, ...], ...] = ((44, "rural", 21.5), (7, "urban", None), (61, "rural", 30.25))
MEDIA = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker that serves two routes with levels, bounds and an alias."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "loan.stub.json").write_text(json.dumps(STUB))
    return Worker(folder, REGISTRY)


def check(worker: Worker, body: bytes, media: str = "text/csv", target: str = "/loan/check", **headers: str) -> Answer:
    """Check a body."""
    return worker.ask(environ_of("POST", target, body, {"Content-Type": media, **headers}))


def upload(worker: Worker, content: bytes, name: str, target: str = "/loan/check") -> Answer:
    """Check the file of a form."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return worker.ask(environ_of("POST", target, head + content + b"\r\n--x--\r\n", FORM))


def bodies() -> dict[str, tuple[bytes, str]]:
    """Return the same three rows in every format, with the type of the body."""
    found = {one.name: (one.write(ROWS, NAMES), MEDIA[one.name]) for one in batch_formats.FORMATS}
    objects = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    found["json"] = json.dumps(objects).encode(), "application/json"
    found["tsv"] = batch_formats.write_csv(ROWS, NAMES, delimiter="\t"), "text/tab-separated-values"
    columns = {name: [row[at] for row in ROWS] for at, name in enumerate(NAMES)}
    found["columns"] = json.dumps(columns).encode(), "application/json"
    return found


BODIES = bodies()


@pytest.mark.parametrize("kind", BODIES)
def test_a_good_body_is_good_in_every_format(worker: Worker, kind: str) -> None:
    """Whatever the format: every row counted, every column matched exactly, no fault, and the first rows as read."""
    body, media = BODIES[kind]
    answer = check(worker, body, media)
    assert answer.status == 200, answer.body
    report = answer.json
    assert (report["ok"], report["rows"], report["complete"], report["total_errors"]) == (True, 3, True, 0)
    assert [(one["field"], one["column"], one["match"]) for one in report["columns"]] == [
        (name, name, "exact") for name in NAMES
    ]
    assert report["first_rows"]["columns"] == list(NAMES)
    assert [str(row[1]) for row in report["first_rows"]["rows"]] == [row[1] for row in ROWS]
    assert report["route"] == "/loan"
    assert report["format"] == {"tsv": "csv", "columns": "json"}.get(kind, kind)


def test_no_model_is_asked_and_no_slot_is_taken(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check answers while every slot of the route is taken, and no row reaches the model."""

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("the model was asked")

    monkeypatch.setattr(Model, "predict", refuse)
    bulkhead = worker.generation.table.by_name["loan"].counters.bulkhead
    monkeypatch.setattr(bulkhead, "in_flight", bulkhead.max_concurrency)
    monkeypatch.setattr(bulkhead, "max_queue", 0)
    for body, media in BODIES.values():
        assert check(worker, body, media).json["ok"]
    assert worker.ask(environ_of("POST", "/loan", BODIES["csv"][0], {"Content-Type": "text/csv"})).status == 503


def test_columns_are_matched_by_name_alias_and_near_name(worker: Worker) -> None:
    """Each field says which column it has, and how it was found; the others are told as extra."""
    report = check(worker, b"id,Age,AREA,note\n1,44,rural,x\n2,45,moon,y\n").json
    assert {one["field"]: (one["column"], one["match"]) for one in report["columns"]} == {
        "age": ("Age", "alias"),
        "area": ("AREA", "near"),
        "mass_index": (None, "optional"),
    }
    assert (report["extra"], report["extra_total"]) == (["id", "note"], 2)
    (header, cell) = report["errors"]
    assert (header["at"], header["code"]) == ("header.area", "required")
    assert "'AREA'" in header["hint"]
    assert (cell["row"], cell["at"], cell["got"]) == (1, "$[1].AREA", "moon")


def test_a_missing_column_is_told_with_its_fix(worker: Worker) -> None:
    """A field that needs a column and has none is missing; the cells of the other columns are checked nevertheless."""
    report = check(worker, b"age\n44\n-1\n").json
    assert [one["match"] for one in report["columns"]] == ["exact", "missing", "optional"]
    assert [fault["code"] for fault in report["errors"]] == ["required", "minimum"]
    assert (report["rows"], report["bad_rows"]) == (2, 1)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json", "xlsx", "parquet"])
def test_faults_are_counted_by_kind_and_the_first_are_told(worker: Worker, kind: str) -> None:
    """Every fault of 12,000 rows is counted by column and rule, over all chunks; twenty are told with row and hint."""
    rows = [(44, "rurla", 1.0) if at % 2 else (900, "urban", 1.0) for at in range(12_000)]
    write = {one.name: one.write for one in batch_formats.FORMATS}
    objects = json.dumps([dict(zip(NAMES, row, strict=True)) for row in rows]).encode()
    body = objects if kind == "json" else write[kind](rows, NAMES)
    report = check(worker, body, MEDIA.get(kind, "application/json")).json
    counts = {(one["code"], one["column"]): one["count"] for one in report["kinds"]}
    assert counts == {("maximum", "age"): 6_000, ("enum", "area"): 6_000}
    assert (report["total_errors"], report["bad_rows"], report["rows"]) == (12_000, 12_000, 12_000)
    assert [fault["row"] for fault in report["errors"]] == list(range(20))
    assert report["errors"][1]["hint"] == report["errors"][19]["hint"] == "did you mean 'rural'?"
    assert {one["example"]["code"] for one in report["kinds"]} == {"maximum", "enum"}


@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_the_route_says_the_same(worker: Worker, kind: str) -> None:
    """A check finds the faults that the route itself answers: same rows, codes, paths and messages."""
    rows = [*ROWS, (121, "moon", "x"), (5, "", 1)]
    texts = {"csv": "text/csv", "ndjson": "application/x-ndjson", "json": "application/json"}
    objects = [dict(zip(NAMES, row, strict=True)) for row in rows]
    write = {"csv": batch_formats.write_csv, "ndjson": batch_formats.write_ndjson}
    body = json.dumps(objects).encode() if kind == "json" else write[kind](rows, NAMES)
    refused = worker.ask(environ_of("POST", "/loan", body, {"Content-Type": texts[kind]}))
    report = check(worker, body, texts[kind]).json
    assert refused.status == 400
    assert report["errors"] == refused.json["errors"]
    assert not report["ok"]


@pytest.mark.parametrize(
    ("target", "body", "media", "kind", "codes"),
    [
        ("/loan/check", b'{"age": 44, "area": "rural"}', "application/json", "json", []),
        ("/loan/check", b'{"age": 144, "area": "rural"}', "application/json", "json", ["maximum"]),
        ("/loan/check", b'{"data": [44, "rural", 2]}', "application/json", "json", []),
        ("/loan/check", b"age=44&area=moon", "application/x-www-form-urlencoded", "form", ["enum"]),
        ("/loan/check?age=44&area=rural", b"", "", "query", []),
        ("/loan/check?data=44,rural,2", b"", "", "query", []),
    ],
)
def test_one_instance_is_checked_as_one_row(
    worker: Worker, target: str, body: bytes, media: str, kind: str, codes: list[str]
) -> None:
    """An object, a form and a query are one row."""
    report = check(worker, body, media, target).json
    assert (report["rows"], [fault["code"] for fault in report["errors"]]) == (1, codes)
    assert report["ok"] is not bool(codes)
    assert report["format"] == kind or "data=" in target


def test_the_beginning_of_a_file_is_checked_for_itself(worker: Worker) -> None:
    """With _head the line that the cut has hit is no row and no fault, and the rows are said to be the first of more."""
    whole = b'age,area\n44,rural\n45,"ur\nban"\n46,urban\n'
    for size in range(10, len(whole)):
        answer = check(worker, whole[:size], target="/loan/check?_head=true")
        if answer.status != 200:
            assert size < 18, answer.body
            assert answer.json["errors"][0]["message"] == "this beginning of the file holds no whole row"
            continue
        report = answer.json
        assert not report["complete"]
        assert report["rows"] == whole[:size].count(b"44,rural\n") + whole[:size].count(b'ban"\n'), size
        assert {fault["code"] for fault in report["errors"]} <= {"enum"}
    lines = b'{"age": 44, "area": "rural"}\n{"age": 4'
    report = check(worker, lines, MEDIA["ndjson"], "/loan/check?_head=true").json
    assert (report["ok"], report["rows"]) == (True, 1)
    utf16 = "age;area\n44;rural\n45;ur".encode("utf-16")
    assert check(worker, utf16, "text/csv; charset=utf-16", "/loan/check?_head=true").json["rows"] == 1
    for body, media in (BODIES["xlsx"], BODIES["json"]):
        refused = check(worker, body, media, "/loan/check?_head=true")
        assert refused.status == 400
        assert refused.json["errors"][0]["code"] == "option"
    assert check(worker, lines, MEDIA["ndjson"], "/loan/check?_head=maybe").status == 400


def test_a_file_of_a_form_is_checked(worker: Worker) -> None:
    """What the file is, its first bytes and its name say, as the route has it."""
    for kind in ("csv", "xlsx", "parquet", "ndjson"):
        report = upload(worker, BODIES[kind][0], f"rows.{kind}").json
        assert (report["ok"], report["format"], report["rows"]) == (True, kind, 3)


def test_ids_are_checked_where_the_answer_goes_by_them(worker: Worker) -> None:
    """A second row with an id is a fault where rows are answered by id; the column of ids is named."""
    report = check(worker, b"ID,age,area,mass_index\na,1,rural,\na,2,rural,\n", target="/ids/check").json
    assert (report["id"], report["extra"]) == ("ID", [])
    assert [(fault["code"], fault["row"]) for fault in report["errors"]] == [("duplicate-id", 1)]


BAD = {
    "latin-1": ("age,area\n44,Köln\n".encode("latin-1"), "a.csv", "encoding", "charset"),
    "empty": (b"", "a.csv", "empty-body", ""),
    "no header": (b"44,rural,1\n45,urban,2\n", "a.csv", "header", "age,area,mass_index"),
    "wrong delimiter": (b"age:area:mass_index\n44:rural:1\n", "a.csv", "header", "separate the cells"),
    "quoted lines": (b'"age,area,mass_index"\n"44,rural,1"\n', "a.csv", "header", "separate the cells"),
    "title": (b"Loans of March\nage,area\n1,rural\n", "a.csv", "header", "_header=2"),
    "open quote": (b'age,area\n44,"rural\n', "a.csv", "csv", "close every quote"),
    "renamed pdf": (b"%PDF-1.7\n...", "a.csv", "unsupported-media-type", "save the table"),
    "no workbook": (b"PK\x03\x04" + b"x" * 50, "a.xlsx", "xlsx", ""),
    "a header alone": (b"age,area\n", "a.csv", "empty-batch", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_as_by_the_route(worker: Worker, name: str) -> None:
    """A file that is no table of this route is refused with place and fix, in the words of the route itself."""
    content, file, code, words = BAD[name]
    checked, refused = upload(worker, content, file), upload(worker, content, file, "/loan")
    if checked.status == 200:
        shown = checked.json["errors"]
        assert not checked.json["ok"]
    else:
        assert checked.status == refused.status
        shown = checked.json.get("errors", [{"code": checked.json["type"].rpartition(":")[2], **checked.json}])
    assert code in [fault["code"] for fault in shown]
    assert words in json.dumps(checked.json)
    assert refused.status in (400, 415)


def test_limits_are_those_of_the_route(worker: Worker) -> None:
    """Too many rows and too many bytes are a 413 here as there."""
    rows = b"age,area\n" + b"1,rural\n" * 30_001
    assert check(worker, rows).status == check(worker, rows, target="/loan").status == 413
    assert check(worker, b"x" * (2**21 + 1)).status == 413
    assert worker.ask(environ_of("GET", "/loan/check")).status == 405
    assert worker.ask(environ_of("POST", "/lone/check", b"{}", {"Content-Type": "application/json"})).status == 404


def test_both_ways_of_dispatch_check_alike(worker: Worker) -> None:
    """The short way through Flask and its own answer the same."""
    fast, slow = (
        worker.ask(environ_of("POST", "/loan/check", *BODIES["csv"][:1], {"Content-Type": "text/csv"}), fast=fast)
        for fast in (True, False)
    )
    assert (fast.status, fast.body) == (slow.status, slow.body)


def test_a_client_that_went_away_gives_its_check_up(worker: Worker) -> None:
    """Of a check that nobody waits for, no chunk is read: hundreds of them would hold up those of others."""
    content, kind = bodies()["csv"]
    for is_gone, status in ((False, 200), (True, 400)):
        mine, theirs = socket.socketpair()
        client = Client(mine, Waits())
        if is_gone:
            theirs.close()
        environ = environ_of("POST", "/loan/check", content, {"Content-Type": kind}, **{"gunicorn.socket": client})
        assert worker.ask(environ).status == status
        client.close()
        theirs.close()


def test_a_redacted_gateway_repeats_no_value(tmp_path: Path) -> None:
    """With `errors: redacted` neither faults nor the first rows hold what was sent."""
    (tmp_path / "loan.stub.json").write_text(json.dumps(STUB))
    redacted = Worker(tmp_path, "version: 1\nserver: {errors: redacted}\nroutes:\n  /loan: loan.stub.json\n")
    report = check(redacted, b"age,area,mass_index\n44,secret,1\n")
    assert report.json["total_errors"] == 1
    assert report.json["first_rows"]["rows"] == []
    assert b"secret" not in report.body
