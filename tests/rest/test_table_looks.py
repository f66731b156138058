"""Tables whose look misleads: values where a header belongs, hidden sheets, merged cells, other separators."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from rest.one_worker import REGISTRY, Worker
from rest.test_table_place import BOTH, TABLE, ask, book


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker whose route adds a and b."""
    return Worker(tmp_path_factory.mktemp("looks"), REGISTRY)


def fault_of(answer: Any) -> Any:
    """Return the only fault of a refusal."""
    (fault,) = answer["errors"]
    return fault


@pytest.mark.parametrize("values", ["300,13.5\n410,9.5\n", "300;13.5\n410;9.5\n", "sep=;\n300;13.5\n410;9.5\n"])
def test_the_header_that_a_fault_tells_reads_the_values(worker: Worker, values: str) -> None:
    """Values without a header are told; their first row is not lost, and the line of the hint above them answers."""
    fault = fault_of(ask(worker, values.encode(), media="text/csv"))
    assert fault["code"] == "header"
    assert "13" not in fault["message"], "a fault must not repeat a value"
    marked, head, rest = values.rpartition("sep=;\n")
    line = fault["hint"].rpartition(": ")[2]
    assert ask(worker, f"{marked}{head}{line}\n{rest}".encode(), media="text/csv") == BOTH
    assert "values, in their order: a, b" in fault_of(ask(worker, book(S=TABLE[1:])))["hint"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_title_below_the_separator_is_told(worker: Worker, first: str) -> None:
    """A first line `sep=;`, in quotes too, is no header, and a title below it no more than elsewhere."""
    rows = "a;b\n300;13.5\n410;9.5\n"
    assert ask(worker, f"{first}\n{rows}".encode(), media="text/csv") == BOTH
    titled = f"{first}\nReadings\n{rows}".encode()
    assert "?_header=3 " in fault_of(ask(worker, titled, media="text/csv"))["hint"]
    assert ask(worker, titled, "_header=3", "text/csv") == BOTH


@pytest.mark.parametrize("text", ['"a" "b"\n"1" 300 13.5\n', '"a,b"\n"300,13.5"\n', "a b\n300 13.5\n"])
def test_a_header_of_one_cell_is_told(worker: Worker, text: str) -> None:
    """Blanks separate nothing, and neither do commas within quotes."""
    assert "is one cell" in fault_of(ask(worker, text.encode(), media="text/csv"))["message"]


def test_json_that_is_said_to_be_csv_is_told(worker: Worker) -> None:
    """The media type of the hint answers."""
    body = json.dumps({"data": [[300, 13.5], [410, 9.5]]}).encode()
    assert "looks like JSON" in fault_of(ask(worker, body, media="text/csv"))["message"]
    assert ask(worker, body, media="application/json") == BOTH


def test_a_hidden_first_sheet_is_told_and_read_where_it_is_asked_for(worker: Worker) -> None:
    """What its author does not see is not answered by itself."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as made:
        old, new = made.add_worksheet("old"), made.add_worksheet("new")
        for sheet, rows in ((old, [["a", "b"], [1, 1]]), (new, TABLE)):
            for y, row in enumerate(rows):
                sheet.write_row(y, 0, row)
        new.activate()
        new.set_first_sheet()
        old.hide()
    assert "?_sheet=2 " in fault_of(ask(worker, target.getvalue()))["hint"]
    assert ask(worker, target.getvalue(), "_sheet=2") == BOTH
    assert ask(worker, target.getvalue(), "_sheet=1") == {"predictions": [{"prediction": 2}]}


@pytest.mark.parametrize(("cells", "refused"), [("A2:A3", True), ("A3:B3", True), ("C2:C3", False), ("A5:B6", False)])
def test_merged_cells_are_told_where_a_model_would_take_gaps(
    tmp_path: Path, worker: Worker, cells: str, refused: bool
) -> None:
    """Only the first of merged cells holds the value; beside the columns of the route, and below the rows, it is nothing."""
    path = tmp_path / "merged.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        for y, row in enumerate([["a", "b", "note"], [300, 13.5, "x"], [410, 9.5, "y"]]):
            sheet.write_row(y, 0, row)
        sheet.merge_range(cells, "" if cells == "A5:B6" else 300)
    answer = ask(worker, path.read_bytes())
    if refused:
        assert f"the cells {cells} of the sheet are merged" in fault_of(answer)["message"]
    else:
        assert answer == BOTH
