"""Files of rows, read as the route of a model reads a batch."""

from pathlib import Path

import pytest

import extras
from gateway.errors import GatewayError
from gateway.prepare.table_file import read_table
from gateway.registry.contract import Contract, make_contract
from gateway.registry.spec import RouteSpec, ServerSpec
from gateway.schema import Field, Output, Signature


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Return the contract of a route of two inputs, one of which has levels."""
    inputs = (Field(name="glucose", type="integer", minimum=0), Field(name="area", type="string", enum=("a", "b")))
    spec = RouteSpec(path="/m", name="m", artifact="m.stub", loader="stub")
    return make_contract(Signature(inputs=inputs, output=Output()), spec, ServerSpec())


def write(path: Path, suffix: str) -> Path:
    """Write the same three rows in a format."""
    rows = [("b", 1, "x"), ("a", 2, "y"), ("a", 3, "z")]
    file = path / f"rows{suffix}"
    if suffix == ".ndjson":
        file.write_text("".join(f'{{"area": "{area}", "glucose": {n}, "y": "{y}"}}\n' for area, n, y in rows))
    elif suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        area, glucose, y = zip(*rows, strict=True)
        parquet.write_table(pyarrow.table({"area": area, "glucose": glucose, "y": y}), file)
    elif suffix == ".xlsx":
        if "python_calamine" in extras.ABSENT:
            pytest.skip("python_calamine is not installed here")
        book = pytest.importorskip("xlsxwriter").Workbook(file)
        sheet = book.add_worksheet()
        for number, row in enumerate([("area", "glucose", "y"), *rows]):
            sheet.write_row(number, 0, row)
        book.close()
    else:
        file.write_text("area;glucose;y\n" + "".join(f"{area};{n};{y}\n" for area, n, y in rows))
    return file


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".ndjson", ".parquet", ".xlsx"])
def test_every_format_is_the_same_rows(tmp_path: Path, contract: Contract, suffix: str) -> None:
    """Inputs stand in the order of the model; the column beside them is returned as it is."""
    table = read_table(write(tmp_path, suffix), contract, ["y"])
    assert [column.tolist() for column in table.batch.columns] == [[1, 2, 3], ["b", "a", "a"]]
    assert table.beside == {"y": ["x", "y", "z"]}
    assert table.names == ("area", "glucose", "y")


@pytest.mark.parametrize(
    ("text", "beside", "said", "code"),
    [
        (
            "area,glucsoe\na,1\n",
            [],
            "header.glucose: glucose is required",
            "table-does-not-fit",
        ),
        ("area\na\n", [], "glucose is required", "table-does-not-fit"),
        ("area,glucose\na,1\nc,1\nb,-1\n", [], "2 faults\n    row 1, area: ", "table-does-not-fit"),
        ("area,glucose\na,1\na,1,2\n", [], "row 1: the row has 3 cells, the header 2", "table-does-not-fit"),
        ("area,glucose\n", [], "the CSV has a header and no rows", "table-does-not-fit"),
        ("", [], "the body is empty", "table-does-not-fit"),
        ("area,glucose\na,1\n", ["x"], "rows.csv has no column 'x' (area or glucose)", "no-such-column"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, contract: Contract, text: str, beside: list[str], said: str, code: str
) -> None:
    """Absent and misspelt columns, bad cells, no rows: each by name and row, with a fix."""
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(GatewayError) as caught:
        read_table(path, contract, beside)
    assert said in caught.value.message
    assert caught.value.code == code
    assert caught.value.hint


def test_rows_behind_the_first_chunk_keep_their_numbers(tmp_path: Path, contract: Contract) -> None:
    """A long file is read in chunks; its faults count rows of the file."""
    path = tmp_path / "rows.csv"
    path.write_text("area,glucose\n" + "a,1\n" * 12_000 + "a,-1\n")
    with pytest.raises(GatewayError, match="row 12000, glucose"):
        read_table(path, contract)
    path.write_text("area,glucose,y\n" + "".join(f"a,1,{n}\n" for n in range(12_000)))
    table = read_table(path, contract, ["y"])
    assert table.batch.size == len(table.batch.columns[0]) == 12_000
    assert table.beside["y"][-1] == "11999"


@pytest.mark.parametrize(
    ("name", "said"), [("rows.xls", "ends in none of .csv"), ("absent.csv", "cannot be read: No such file")]
)
def test_other_files_are_refused(tmp_path: Path, contract: Contract, name: str, said: str) -> None:
    """By their ending, or because they are not there."""
    (tmp_path / "rows.xls").write_bytes(b"x")
    with pytest.raises(GatewayError, match=said):
        read_table(tmp_path / name, contract)
