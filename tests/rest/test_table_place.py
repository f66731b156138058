"""A table that does not begin in the first row of the first sheet: named by the fault, and read by `_sheet` and `_header`."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from rest.one_worker import REGISTRY, Worker, environ_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLE: list[list[Any]] = [["a", "b"], [300, 13.5], [410, 9.5]]
BOTH = {"predictions": [{"prediction": 313.5}, {"prediction": 419.5}]}
NOTES: list[list[Any]] = [["Notes"], ["by Anna"]]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker whose route adds a and b."""
    return Worker(tmp_path_factory.mktemp("places"), REGISTRY)


def book(**sheets: list[list[Any]]) -> bytes:
    """Return a workbook with these sheets, in order."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as made:
        for name, rows in sheets.items():
            sheet = made.add_worksheet(name)
            for y, row in enumerate(rows):
                sheet.write_row(y, 0, row)
    return target.getvalue()


def ask(worker: Worker, body: bytes, options: str = "", media: str = XLSX, *, path: str = "/sum") -> Any:
    """Return the decoded answer to a table with options in the query."""
    return worker.ask(environ_of("POST", f"{path}?{options}", body, {"Content-Type": media})).json


def form(file: bytes, **fields: str) -> tuple[bytes, str]:
    """Return a multipart form with a file, and its content type."""
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'name="file"; filename="rows"\r\n\r\n' + file)
    body = b"".join(b"--cut\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--cut--\r\n"
    return body, "multipart/form-data; boundary=cut"


FILES: dict[str, tuple[bytes, str, str]] = {
    "a title": (book(S=[["Readings of March"], *TABLE]), XLSX, "_header=2"),
    "a title and a blank row": (book(S=[["Readings"], [], *TABLE]), XLSX, "_header=3"),
    "groups above the names": (book(S=[["site", "air"], *TABLE]), XLSX, "_header=2"),
    "two lines above": (book(S=[["Readings"], ["note"], ["a", "b"], *TABLE[1:]]), XLSX, "_header=3"),
    "another sheet": (book(Notes=NOTES, Data=TABLE), XLSX, "_sheet=2"),
    "another sheet, below a title": (
        book(Notes=NOTES, More=NOTES, Data=[["Title"], *TABLE]),
        XLSX,
        "_sheet=3&_header=2",
    ),
    "an empty first sheet": (book(S=[], Data=TABLE), XLSX, "_sheet=2"),
    "CSV with a title": (b"Readings of March\na,b\n300,13.5\n410,9.5\n", "text/csv", "_header=2"),
    "semicolons below a title with a comma": (b"March, April\n\na;b\n300;13.5\n410;9.5\n", "text/csv", "_header=3"),
    "CSV with line breaks in the names": (b'Title\n"a\n";"\nb"\n300;13.5\n410;9.5\n', "text/csv", "_header=2"),
    "CSV as a sheet saves a title": (b"Readings;;\r\na;b;\r\n300;13.5;\r\n410;9.5;\r\n", "text/csv", "_header=2"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_option_that_a_fault_tells_reads_the_table(worker: Worker, name: str) -> None:
    """The fault names row and sheet of what looks like the header; its option, added as it stands, gives the answer."""
    body, media, option = FILES[name]
    refused = ask(worker, body, media=media)
    (fault,) = refused["errors"]
    assert (fault["code"], fault["at"]) == ("header", "header")
    told = re.search(r"\?([\w=&]+) to the address", fault["hint"])
    assert told and told[1] == option, fault
    assert ask(worker, body, option, media) == BOTH
    fields = dict(pair.split("=") for pair in option.split("&"))
    sent, kind = form(body, **fields)
    assert ask(worker, sent, media=kind) == BOTH
    sent, kind = form(body)
    assert ask(worker, sent, option, kind) == BOTH
    if media == "text/csv":
        assert ask(worker, body, option, media, path="/sum/invocations") == {"predictions": [313.5, 419.5]}


def test_a_line_break_in_a_name_is_no_title(worker: Worker) -> None:
    """A header whose first name is broken over two lines is one record; it is misspelt, or right without the break."""
    for sign in (b",", b";"):
        refused = ask(worker, b'"a\nx"%bb\n300%b13.5\n' % (sign, sign), media="text/csv")
        assert [one["code"] for one in refused["errors"]] == ["required"]
        assert ask(worker, b'"a\n"%bb\n300%b13.5\n' % (sign, sign), media="text/csv")["predictions"] == [
            {"prediction": 313.5}
        ]


def test_a_sheet_is_named_or_numbered(worker: Worker) -> None:
    """A name beats a number; an unknown sheet is a fault that lists all."""
    body = book(Notes=NOTES, **{"Data 2026": TABLE, "1": TABLE})
    for sheet in ("Data%202026", "2", "1", "3"):
        assert ask(worker, body, f"_sheet={sheet}") == BOTH
    (fault,) = ask(worker, body, "_sheet=data")["errors"]
    assert fault["code"] == "option" and "'Notes', 'Data 2026' and '1'" in fault["hint"]


@pytest.mark.parametrize(
    ("body", "media", "options", "code"),
    [
        (b"a,b\n1,2\n", "text/csv", "_sheet=2", "option"),
        (b"a,b\n1,2\n", "text/csv", "_header=0", "option"),
        (b"a,b\n1,2\n", "text/csv", "_header=x", "option"),
        (b"a,b\n1,2\n", "text/csv", "_header=9", "header"),
        (b"x\n\na,b\n1,2\n", "text/csv", "_header=2", "header"),
        (b"a,b\n1,2\n", "text/csv", "_header=2", "empty-batch"),
        (b'{"a": 1, "b": 2}\n', "application/x-ndjson", "_header=1", "option"),
        (book(S=TABLE), XLSX, "_header=7", "header"),
        (book(S=TABLE), XLSX, "_sheet=2", "option"),
        (book(S=[["x"], ["y"]]), XLSX, "", "required"),
        (b"name,value\na,300\nb,13.5\n", "text/csv", "", "required"),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused(
    worker: Worker, body: bytes, media: str, options: str, code: str
) -> None:
    """Nothing is read from another place than the one that is named."""
    assert ask(worker, body, options, media)["errors"][0]["code"] == code


def test_faults_of_rows_count_from_the_header(worker: Worker) -> None:
    """A wrong cell below a title is told by its row below the header, a blank row by its row of the sheet."""
    body = book(S=[["Title"], *TABLE, [], [1, "x"]])
    faults = ask(worker, body, "_header=2")["errors"]
    assert [(one["at"], one["code"]) for one in faults] == [("$[2]", "blank-row"), ("$[3].b", "type")]
    assert "row 5 of the sheet" in faults[0]["message"]


def test_a_name_of_a_file_is_no_misspelt_option(tmp_path: Path) -> None:
    """Options in the query are neither fields nor ignored columns."""
    answer = Worker(tmp_path).ask(environ_of("GET", "/sum?a=1&b=2&_header=1"))
    assert answer.status == 200
    assert "X-Columns-Ignored" not in dict(answer.headers)
