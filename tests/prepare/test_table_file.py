"""Files of rows, read as the route of a model reads a batch."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import extras
from gateway.errors import GatewayError
from gateway.prepare.table_file import read_table
from gateway.prepare.table_words import said_of_file
from gateway.registry.contract import Contract, make_contract
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RouteSpec
from gateway.schema import Field, Output, Signature
from serving import ROOT


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
        ("area,glucose\n", [], "the CSV has a header and no rows", "table-unreadable"),
        ("", [], "rows.csv: the file is empty", "table-unreadable"),
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


#: What a command has not: its file came in no request.
_OF_REQUESTS = re.compile(
    r"Content-Type|charset|\?_|\baddress\b|\bform\b|\bbody\b|\bsen[dt]\b|\brequest\b", re.IGNORECASE
)
#: Codecs of whole bodies: no file is read by them.
_OF_BODIES = ("json.py", "json_codec.py", "json_batch.py", "json_inside.py", "mlflow.py", "v2")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_the_unicode_text_of_a_spreadsheet_is_read(tmp_path: Path, contract: Contract, encoding: str) -> None:
    """A byte order mark says UTF-16, which an answer to a client would have to be told by a header."""
    path = tmp_path / "rows.txt"
    path.write_bytes("\ufeffarea\tglucose\r\nb\t1\r\n".removeprefix("\ufeff" * (encoding == "utf-16")).encode(encoding))
    assert [column.tolist() for column in read_table(path, contract).batch.columns] == [[1], ["b"]]


@pytest.mark.parametrize(
    ("name", "content", "said", "fix"),
    [
        ("a.csv", "area,glucose\na,1\n".encode("utf-16-le"), "looks like UTF-16", "save it as UTF-8"),
        ("a.csv", "area,glucose\n\xe9,1\n".encode("latin-1"), "not in its encoding near row 0", "save it as UTF-8"),
        ("a.csv", b"Export of May,\n\narea,glucose\na,1\n", "line 3 looks like the header", "above line 3"),
        ("a.csv", b'[{"area": "a"}]', "the file looks like JSON, and its name", "ends in .ndjson"),
        ("a.ndjson", b"area=a&glucose=1\n", "not valid JSON", "as a JSON object"),
        ("a.ndjson", b"area,glucose\na,1\n", "not valid JSON", "*.csv"),
        ("a.ndjson", b'{"area": "a", "glucose": 1} {}\n', "not valid JSON", "a line of its own"),
        ("a.xlsx", b"area,glucose\n", "XLSX", ""),
        ("a.parquet", b"area,glucose\n", "Parquet", ""),
    ],
)
def test_a_file_that_is_no_such_table_is_told_of_files(
    tmp_path: Path, contract: Contract, name: str, content: bytes, said: str, fix: str
) -> None:
    """Encoding, title, format: what to do with the file, and never a word of requests."""
    for module in ("python_calamine", "pyarrow"):
        if name.endswith({"python_calamine": ".xlsx", "pyarrow": ".parquet"}[module]) and module in extras.ABSENT:
            pytest.skip(f"{module} is not installed here")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GatewayError) as caught:
        read_table(tmp_path / name, contract)
    assert said in caught.value.message
    assert fix in (caught.value.hint or "")
    assert not _OF_REQUESTS.search(f"{caught.value.message} {caught.value.hint}")


def texts_of_codecs() -> Iterator[tuple[str, str]]:
    """Yield file and text of everything that the codecs of tables may say."""
    for path in sorted((ROOT / "gateway" / "codecs").glob("*.py")):
        if path.name.startswith(_OF_BODIES) or path.name.endswith(("_writer.py", "_parts.py")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield (
                    path.name,
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "2" for part in node.values),
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents | parts:
                yield path.name, node.value


def test_no_text_of_a_table_codec_speaks_of_requests_at_a_command() -> None:
    """A new text of a codec that names a header, an address or a form needs its line in table_words.py."""
    sentences = [
        (name, text) for name, text in texts_of_codecs() if " " in text and not text.startswith(("text/", "<"))
    ]
    assert len(sentences) > 50
    left = {(name, text) for name, text in sentences if _OF_REQUESTS.search(said_of_file(text))}
    assert left == set()


@pytest.mark.parametrize(
    ("name", "said"), [("rows.xls", "ends in none of .csv"), ("absent.csv", "cannot be read: No such file")]
)
def test_other_files_are_refused(tmp_path: Path, contract: Contract, name: str, said: str) -> None:
    """By their ending, or because they are not there."""
    (tmp_path / "rows.xls").write_bytes(b"x")
    with pytest.raises(GatewayError, match=said):
        read_table(tmp_path / name, contract)
