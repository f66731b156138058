"""The batch page: a file is checked before it is sent, scored with progress, and comes back as a file, script or not."""

import csv
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow.parquet
import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

import batch_formats
from console.accessibility import violations
from console.guards import Guards
from console.network import throttle
from console.pictures import keep_state
from console.tasks import traced_tasks
from console.visiting import too_wide
from serving import Gateway, until

NAMES: Final = ("age_group", "car_type", "loanamount", "deposit", "area")
ROWS: Final[tuple[tuple[Any, ...], ...]] = (
    ("Young", "SUV", 12342, 2360, "rural"),
    ("Older", "Saloon", 5000, 4000, "urban"),
    ("Middle-Aged", "Convertible", 30000, 100, "rural"),
)
LIMIT: Final = 32 * 2**20
FORMATS: Final = {"CSV": "csv", "XLSX": "xlsx", "JSON": "json", "NDJSON": "ndjson", "Parquet": "parquet"}


def many(rows: int) -> list[tuple[Any, ...]]:
    """Return so many rows, each with a loan of its own."""
    levels = (("Young", "Older", "Middle-Aged"), ("SUV", "Saloon", "Convertible"), ("rural", "urban"))
    groups, cars, areas = levels
    return [(groups[at % 3], cars[at % 3], 1_000 + at, at % 5_000, areas[at % 2]) for at in range(rows)]


def answers(content: bytes, kind: str) -> list[dict[str, Any]]:
    """Return the rows of a downloaded file."""
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    if kind == "xlsx":
        header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        return [dict(zip(map(str, header), row, strict=True)) for row in rows]
    if kind == "parquet":
        return list(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist())
    if kind == "ndjson":
        return [json.loads(line) for line in content.splitlines()]
    return list(json.loads(content)["predictions"])


def label_of(row: dict[str, Any]) -> str:
    """Return the answer of the route /loan in a row of any format."""
    return str(row["ans"]["Prediction"] if "ans" in row else row["ans.Prediction"])


def heap(page: Page) -> float:
    """Return what scripts hold now, garbage included, in MiB; `performance.memory` is rounded, and stays for minutes."""
    session = page.context.new_cdp_session(page)
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 2**20


@pytest.fixture
def address(five: Gateway) -> str:
    """Return where the batch page of /loan is."""
    return f"http://127.0.0.1:{five.port}/console/loan/batch"


Choose: TypeAlias = Callable[[Page, str, bytes], None]


@pytest.fixture
def choose(tmp_path: Path) -> Choose:
    """Return a function that chooses a file of the disk: one from memory would be made by a task of the page."""

    def chosen(page: Page, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#file", tmp_path / name)

    return chosen


def download(page: Page, word: str) -> tuple[str, bytes]:
    """Press a button of the form, and return the file that comes."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=word, exact=True).click()
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()


def test_a_file_is_checked_scored_and_comes_back(
    page: Page, guards: list[Guards], look: Callable[..., None], five: Gateway, address: str, choose: Choose
) -> None:
    """A good file: what its columns are, every row scored, the counts of the single answers; a download in its order."""
    single = [five.post("/loan", dict(zip(NAMES, row, strict=True))).json["ans"]["Prediction"] for row in ROWS]
    page.goto(address)
    expect(page.locator("#limits")).to_contain_text("at most 32 MiB and 100,000 rows")
    look(page, "batch-empty")
    choose(page, "loans.csv", batch_formats.write_csv([(*row, "=1+1") for row in ROWS], [*NAMES, "note"]))
    expect(page.locator("#check h2")).to_have_text("3 rows, every one of them can be scored")
    expect(page.locator("#check li[data-match=exact]")).to_have_count(5)
    expect(page.locator("#check li[data-match=extra]")).to_contain_text("note")
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#summary h2")).to_have_text("3 rows answered")
    expect(page.locator("#scored-text")).to_have_text("3 of 3 rows")
    for label in set(single):
        share = page.locator(f"#summary .bars li[data-label={label}]")
        expect(share).to_have_attribute("data-count", str(single.count(label)))
        assert share.locator("progress").bounding_box()["width"] > 50  # type: ignore[index]
    look(page, "batch-scored")
    assert violations(page) == []
    name, content = download(page, "CSV")
    assert name == "loan.csv"
    rows = answers(content, "csv")
    assert [label_of(row) for row in rows] == single
    assert [row["note"] for row in rows] == ["'=1+1"] * 3
    name, content = download(page, "XLSX")
    assert [label_of(row) for row in answers(content, "xlsx")] == single
    assert b"<f" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")
    assert too_wide(page) == []
    assert not guards[0].complaints()


def test_wrong_rows_are_told_and_left_out(
    page: Page, look: Callable[..., None], address: str, choose: Choose, expect_console_error: Callable[[str], None]
) -> None:
    """Each wrong row has its row, column, value and fix, before and after scoring; all others are answered."""
    rows = [*ROWS, ("Yong", "SUV", "many", 1, "rural"), ("Young", "SUV", 1, 1, "moon")]
    page.goto(address)
    choose(page, "loans.csv", batch_formats.write_csv(rows, NAMES))
    expect(page.locator("#check h2")).to_have_text("5 rows, 2 of them are wrong")
    faults = page.locator("#check .scroll").nth(1).locator("tbody tr")
    expect(faults).to_have_count(3)
    expect(faults.nth(0)).to_contain_text("'Yong' is not a valid choice for age_group")
    expect(faults.nth(0)).to_contain_text("did you mean 'Young'?")
    expect(faults.nth(0).locator("td").first).to_have_text("4")
    look(page, "batch-faults")
    assert violations(page) == []
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#summary h2")).to_have_text("3 rows answered, 2 refused")
    look(page, "batch-refused")
    page.get_by_label("answer nothing until they are mended").check()
    expect_console_error("400")
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#told")).to_contain_text("The file was not scored")
    expect(page.locator("#told tbody tr")).to_have_count(3)


@pytest.mark.parametrize("size", [LIMIT + 1, pytest.param(200 * 10**6, marks=pytest.mark.slow)])
def test_a_large_csv_is_checked_by_its_beginning(
    page: Page, guards: list[Guards], figures: Callable[[str], None], address: str, tmp_path: Path, size: int
) -> None:
    """Of a file above the limit at most 256 KiB are sent; the page says what fits, and that it is too large."""
    line = batch_formats.write_csv(ROWS, NAMES)
    header, _, rows = line.partition(b"\n")
    large = tmp_path / "large.csv"
    # Rows as far as a page may read, and a hole up to the size: it has all the bytes, and takes no disk.
    large.write_bytes(header + b"\n" + rows * (2**20 // len(rows)))
    os.truncate(large, size)
    page.goto(address)
    begun = time.monotonic()
    with traced_tasks(page) as tasks:
        page.set_input_files("#file", large)
        expect(page.locator("#check h2")).to_have_text(_AT_LEAST)
    took = time.monotonic() - begun
    expect(page.locator("#told")).to_contain_text("too large")
    expect(page.locator("#told")).to_contain_text("33,554,433 bytes" if size == LIMIT + 1 else "the limit is 32 MiB")
    expect(page.get_by_role("button", name="Score here")).to_be_disabled()
    # As declared on the wire: of a file Playwright shows no body.
    sent = [int(one.all_headers()["content-length"]) for one in guards[0].requests if one.method == "POST"]
    figures(f"{size:,} bytes: {sent} bytes sent, checked after {took:.1f} s, {tasks}, heap {heap(page):.1f} MB")
    assert len(sent) == 1
    assert 200 * 1024 <= sent[0] <= 256 * 1024
    assert max(tasks.busy_ms) < 200
    assert heap(page) < 50


_AT_LEAST: Final = re.compile(r"At least \d,\d{3} rows, every one of them can be scored")

XLSX: Final = batch_formats.write_xlsx(ROWS, NAMES)


def bomb() -> bytes:
    """Return a workbook of which one part unpacks to 200 times its size and more."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made, zipfile.ZipFile(io.BytesIO(XLSX)) as good:
        for name in good.namelist():
            made.writestr(name, b" " * (64 * 2**20) if "sheet1" in name else good.read(name))
    return target.getvalue()


#: File -> its name, its bytes, what the page says of it: what is wrong, and how to mend it.
BAD: Final[dict[str, tuple[str, Callable[[], bytes], tuple[str, ...]]]] = {
    "wrong delimiter": (
        "a.csv",
        lambda: batch_formats.write_csv(ROWS, NAMES, delimiter=":"),
        ("the header is one cell", "separate the cells by commas"),
    ),
    "Latin-1": (
        "a.csv",
        lambda: ",".join(NAMES).encode() + "\nYoung,SUV,1,1,Köln\n".encode("latin-1"),
        ("not in its encoding near row", "save it as UTF-8"),
    ),
    "missing column": (
        "a.csv",
        lambda: batch_formats.write_csv([row[1:] for row in ROWS], NAMES[1:]),
        ("age_group is required", "missing: add a column of this name"),
    ),
    "near name": (
        "a.csv",
        lambda: batch_formats.write_csv(ROWS, ["Age Group", *NAMES[1:]]),
        ("nearly the name: give the column the name of the field", "'Age Group'"),
    ),
    "unknown level": (
        "a.csv",
        lambda: batch_formats.write_csv([(*ROWS[0][:4], "rurla")], NAMES),
        ("'rurla' is not a valid choice for area", "did you mean 'rural'?"),
    ),
    "empty": ("a.csv", lambda: b"", ("the body is empty", "expected: CSV with a header line")),
    "no header": (
        "a.csv",
        lambda: batch_formats.write_csv(ROWS[1:], [str(one) for one in ROWS[0]]),
        ("the table has no header", "age_group,car_type,loanamount,deposit,area"),
    ),
    "renamed PDF": ("a.csv", lambda: b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", ("the file is a PDF", "save the table as CSV")),
    "zip bomb": ("a.xlsx", bomb, ("unpacks to more than 200 times its size", "save the sheet as CSV or Parquet")),
    "too large": (
        "a.xlsx",
        lambda: XLSX + bytes(LIMIT),
        ("The file is too large", "the limit is 33,554,432 bytes", "in parts"),
    ),
}
SHORT: Final = ("near name", "renamed PDF")
PICTURED: Final = "too large"


@pytest.mark.parametrize(
    "kind",
    [
        *SHORT,
        *(pytest.param(one, marks=pytest.mark.slow) for one in BAD if one not in (*SHORT, PICTURED)),
        pytest.param(PICTURED, marks=[pytest.mark.slow, pytest.mark.pictured]),
    ],
)
def test_a_bad_file_is_explained_by_place_and_fix(
    page: Page,
    look: Callable[..., None],
    address: str,
    choose: Choose,
    expect_console_error: Callable[[str], None],
    kind: str,
) -> None:
    """Whatever is wrong, the page says what, where and how to mend it, in words that a person sees."""
    name, made, words = BAD[kind]
    page.goto(address)
    expect_console_error("4[01][0-9]")
    choose(page, name, made())
    shown = page.locator(".batch")
    for word in words:
        expect(shown).to_contain_text(word)
    look(page, f"batch-bad-{kind}")
    if kind == PICTURED:
        keep_state(page, "state-file-too-large", "#told")
    assert too_wide(page) == []


def test_without_a_script_the_form_gives_the_file_or_the_faults(
    no_script_page: Page,
    look: Callable[..., None],
    address: str,
    choose: Choose,
    expect_console_error: Callable[[str], None],
) -> None:
    """A plain form sends the file: the answer is a download in every format; a bad file is a page that says what to do."""
    page = no_script_page
    expect_console_error("400")
    for word, kind in FORMATS.items():
        page.goto(address)
        choose(page, "loans.csv", batch_formats.write_csv(ROWS, NAMES))
        name, content = download(page, word)
        assert name == f"loan.{kind}"
        assert len(answers(content, kind)) == len(ROWS)
    choose(page, "loans.csv", batch_formats.write_csv([*ROWS, ("Yong", "SUV", 1, 1, "moon")], NAMES))
    page.get_by_label("answer nothing until they are mended").check()
    page.get_by_role("button", name="CSV", exact=True).click()
    faults = page.locator("#refused tbody tr")
    expect(faults).to_have_count(2)
    expect(faults.nth(0)).to_contain_text("did you mean 'Young'?")
    expect(page.locator("#file")).to_be_visible()
    look(page, "batch-no-script-faults")


@pytest.mark.slow
@pytest.mark.parametrize("word", ["CSV", "XLSX", "Parquet"])
def test_a_hundred_thousand_rows(
    page: Page, figures: Callable[[str], None], five: Gateway, address: str, choose: Choose, word: str
) -> None:
    """Bars move in three stages or more, no task takes 200 ms, the heap stays below 50 MB; every row comes in order."""
    kind = FORMATS[word]
    rows = many(100_000)
    content = getattr(batch_formats, f"write_{kind}")(rows, NAMES)
    page.goto(address)
    page.evaluate("""() => {
        window.stages = {sent: new Set(), scored: new Set()}
        window.watch = setInterval(() => { for (const id of ['sent', 'scored'])
            window.stages[id].add(document.getElementById(id).value) }, 10)
    }""")
    heaps = [heap(page)]
    scored = page.locator("#summary h2", has_text="100,000 rows answered")

    def is_scored() -> bool:
        heaps.append(heap(page))
        return scored.is_visible()

    with traced_tasks(page) as tasks:
        choose(page, f"loans.{kind}", content)
        expect(page.locator("#check h2")).to_contain_text("every one of them can be scored", timeout=120_000)
        page.get_by_role("button", name="Score here").click()
        expect(scored).to_be_visible(timeout=180_000)
    # Once more with a slow upload, and a look at the heap: the tools that do so hold the page up themselves.
    throttle(page, upload=len(content) / 3)
    page.get_by_role("button", name="Score here").click()
    expect(scored).to_be_hidden()
    until(is_scored, 180, what="an answer to every row")
    stages = page.evaluate("() => Object.values(window.stages).map(one => [...one].filter(x => x > 0 && x < 1).length)")
    figures(f"{kind}: stages {stages}, {tasks}, heap at most {max(heaps):.1f} MB")
    assert min(stages) >= 3
    assert max(tasks.busy_ms) < 200
    assert max(heaps) < 50
    throttle(page)
    with page.expect_download(timeout=180_000) as caught:
        page.get_by_role("button", name=word, exact=True).click()
    found = answers(Path(caught.value.path()).read_bytes(), kind)
    assert [int(float(row["loanamount"])) for row in found] == [row[2] for row in rows]
    for at in (*range(0, len(rows), 2_000), len(rows) - 1):
        alone = five.post("/loan", dict(zip(NAMES, rows[at], strict=True))).json["ans"]
        assert (label_of(found[at]), float(found[at]["ans.Approved"])) == (alone["Prediction"], alone["Approved"])


@pytest.mark.slow
@pytest.mark.pictured
def test_cancelling_ends_the_work_of_the_server(page: Page, five: Gateway, address: str, choose: Choose) -> None:
    """After a cancel in mid-answer no more than the chunks under way are predicted, and the page says so."""
    page.goto(address)
    choose(page, "loans.csv", batch_formats.write_csv(many(100_000), NAMES))
    expect(page.locator("#check h2")).to_contain_text("every one")
    before = predicted(five)
    throttle(page, download=200_000)
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#summary h2")).to_contain_text("rows answered", timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#told")).to_contain_text("Cancelled")
    keep_state(page, "state-cancelled", "#told")
    page.wait_for_timeout(1_000)
    first = predicted(five) - before
    page.wait_for_timeout(2_000)
    assert predicted(five) - before - first <= 10_000
    assert first < 100_000


def predicted(server: Gateway) -> float:
    """Return how many rows the model of /loan has answered."""
    text = server.get("/metrics").body.decode()
    (line,) = [one for one in text.splitlines() if one.startswith('gateway_instances_total{route="loan"}')]
    return float(line.split()[-1])
