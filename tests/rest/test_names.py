"""One rule for the names of fields, whatever carried them: a matrix of dialects, names and models, every cell a law."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import skops.io
import xgboost
import xlsxwriter
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import serving
from serving import Answer, Connection, Gateway

Row = Mapping[str, Any]
#: A request: method, what follows the route's path, body, headers.
Request = tuple[str, str, bytes | None, dict[str, str]]
JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Model:
    """Name a route, its row, and the field whose name is spoilt; `takes_gaps` says that this field may be missing."""

    path: str
    row: Row
    field: str
    takes_gaps: bool


DOSES: Final = {"dose_mg": 95.0, "weight_kg": 60.0, "age_years": 40.0}
LOAN: Final = {"age_group": "Young", "car_type": "SUV", "loanamount": 12342.0, "deposit": 2360.0, "area": "rural"}
MODELS: Final = {
    "xgboost": Model("/trees", DOSES, "dose_mg", True),
    "imputer": Model("/imputed", DOSES, "dose_mg", True),
    "plain": Model("/plain", DOSES, "dose_mg", False),
    "h2o": Model("/loan", LOAN, "age_group", True),
}
REGISTRY: Final = f"""
version: 1
routes:
  /trees: trees.ubj
  /imputed: imputed.skops
  /plain: plain.skops
  /loan: {serving.ROOT}/tests/mojos/loan/model.zip
  /optional:
    artifact: imputed.skops
    id: {{field: [id]}}
    inputs: {{dose_mg: {{required: false, aliases: [dosage]}}, age_years: {{default: 40}}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve one model of each kind whose artifact alone says what may be missing."""
    folder = tmp_path_factory.mktemp("names")
    random = np.random.default_rng(3)
    rows = pd.DataFrame(random.normal(50, 20, (300, 3)).round(1), columns=list(DOSES))
    answers = (rows["dose_mg"] * 2 + rows["weight_kg"] * 0.2 > 110).astype(int)
    xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(rows, answers).save_model(folder / "trees.ubj")
    for name, step in (("imputed", SimpleImputer()), ("plain", StandardScaler())):
        skops.io.dump(make_pipeline(step, LogisticRegression()).fit(rows, answers), folder / f"{name}.skops")
    with serving.running(folder, cache, REGISTRY, workers=1) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(server: Gateway) -> Iterator[Connection]:
    """Return one connection for all cells."""
    connection = server.connect()
    yield connection
    connection.close()


def body_of_csv(row: Row) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([list(row), list(row.values())])
    return text.getvalue().encode()


def body_of_xlsx(row: Row) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    for y, cells in enumerate((row, row.values())):
        sheet.write_row(y, 0, list(cells))
    book.close()
    return target.getvalue()


def body_of_parquet(row: Row) -> bytes:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({name: [value] for name, value in row.items()}), target)
    return target.getvalue()


def upload(body: bytes, name: str) -> Request:
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return "POST", "", head.encode() + body + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


def posted(value: Any, path: str = "") -> Request:
    return "POST", path, json.dumps(value).encode(), JSON


def of_type(body: bytes, kind: str, path: str = "") -> Request:
    return "POST", path, body, {"Content-Type": kind}


def tensors(row: Row, *, binary: bool = False) -> Request:
    """Return an inference request with one tensor per name, as JSON or followed by raw bytes."""
    inputs, raw = [], b""
    for name, value in row.items():
        one: dict[str, Any] = {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64"}
        if binary:
            cell = np.array([value]).tobytes() if not isinstance(value, str) else value.encode()
            cell = len(cell).to_bytes(4, "little") + cell if isinstance(value, str) else cell
            raw += cell
            inputs.append(one | {"parameters": {"binary_data_size": len(cell)}})
        else:
            inputs.append(one | {"data": [value]})
    head = json.dumps({"inputs": inputs}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))} if binary else {}
    return "POST", "/v2", head + raw, {**JSON, **length}


#: Dialect -> how a row is sent in it, and how its places begin.
TABLES: Final[dict[str, tuple[Callable[[Row], Request], str]]] = {
    "csv body": (lambda row: of_type(body_of_csv(row), "text/csv"), "header"),
    "csv file": (lambda row: upload(body_of_csv(row), "rows.csv"), "header"),
    "xlsx file": (lambda row: upload(body_of_xlsx(row), "rows.xlsx"), "header"),
    "parquet body": (lambda row: of_type(body_of_parquet(row), "application/vnd.apache.parquet"), "header"),
    "parquet file": (lambda row: upload(body_of_parquet(row), "rows.parquet"), "header"),
    "v2": (tensors, "$.inputs"),
    "v2 binary": (lambda row: tensors(row, binary=True), "$.inputs"),
    "mlflow split": (
        lambda row: posted({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}, "/invocations"),
        "$.dataframe_split.columns",
    ),
    "mlflow columns": (
        lambda row: posted({"inputs": {name: [value] for name, value in row.items()}}, "/invocations"),
        "$.inputs",
    ),
    "mlflow csv": (lambda row: of_type(body_of_csv(row), "text/csv", "/invocations"), "header"),
}
TEXTS: Final[dict[str, tuple[Callable[[Row], Request], str]]] = {
    "query": (lambda row: ("GET", f"?{urlencode(row)}", None, {}), "query"),
    "form": (lambda row: of_type(urlencode(row).encode(), "application/x-www-form-urlencoded"), "form"),
}
ROWS: Final[dict[str, tuple[Callable[[Row], Request], str]]] = {
    "object": (posted, "$"),
    "list": (lambda row: posted([row]), "$[0]"),
    "instances": (lambda row: posted({"instances": [row]}), "$.instances[0]"),
    "ndjson body": (lambda row: of_type(json.dumps(row).encode(), "application/x-ndjson"), "$[0]"),
    "ndjson file": (lambda row: upload(json.dumps(row).encode(), "rows.ndjson"), "$[0]"),
    "mlflow records": (lambda row: posted({"dataframe_records": [row]}, "/invocations"), "$.dataframe_records[0]"),
    "mlflow instances": (lambda row: posted({"instances": [row]}, "/invocations"), "$.instances[0]"),
    "mlflow inputs": (lambda row: posted({"inputs": [row]}, "/invocations"), "$.inputs[0]"),
    "mlflow one row": (lambda row: posted({"inputs": row}, "/invocations"), "$.inputs"),
}
DIALECTS: Final = {**TABLES, **TEXTS, **ROWS}


def instead(name: Callable[[str], str]) -> Callable[[Model], Row]:
    """Return the row with its field under another name."""
    return lambda model: {name(one) if one == model.field else one: value for one, value in model.row.items()}


def beside(name: Callable[[str], str]) -> Callable[[Model], Row]:
    """Return the row with a further value under a name that is made of the field's."""
    return lambda model: {**model.row, name(model.field): model.row[model.field]}


#: What is done to the names -> the names, and what each family of dialects makes of them:
#: "right" the answer of the right names; "counted" the same, and the name in X-Columns-Ignored; "near" a fault that
#: names both (invisible letters as escapes) the sent and the declared name; "unknown" a fault that names the sent one; "gap" a missing value where
#: the model takes one, else the fault "required"; "absent" the fault "required" or its like for the field.
LAWS: Final[dict[str, tuple[Callable[[Model], Row], str, str, str]]] = {
    #                  names                                        tables     texts      rows (strict JSON)
    "right": (lambda model: model.row, "right", "right", "right"),
    "another order": (lambda model: dict(reversed(list(model.row.items()))), "right", "right", "right"),
    "case": (instead(str.title), "near", "near", "near"),
    "blank": (instead(lambda name: name.replace("_", " ")), "near", "near", "near"),
    "no break space": (instead(lambda name: name.replace("_", "\u00a0")), "near", "near", "near"),
    "dot": (instead(lambda name: name.replace("_", ".")), "near", "near", "near"),
    "unit": (instead(lambda name: f"{name} (tablet)"), "near", "near", "near"),
    "line break": (instead(lambda name: name.replace("_", "\n_")), "near", "near", "near"),
    "full width": (instead(lambda name: chr(ord(name[0]) + 0xFEE0) + name[1:]), "near", "near", "near"),
    "typing error": (instead(lambda name: name[:-1]), "near", "near", "near"),
    "missing": (lambda model: {k: v for k, v in model.row.items() if k != model.field}, "absent", "gap", "gap"),
    "extra": (lambda model: {**model.row, "note, or so": 1.0}, "counted", "counted", "unknown"),
    "near beside": (beside(lambda name: name.replace("_", ".")), "near", "near", "near"),
    "unit beside": (beside(lambda name: f"{name} [1]"), "near", "near", "near"),
    "typing error beside": (beside(lambda name: f"{name}g"), "counted", "counted", "unknown"),
}


def law_of(dialect: str, case: str) -> str:
    """Return the law of a cell."""
    _, tables, texts, rows = LAWS[case]
    return tables if dialect in TABLES else texts if dialect in TEXTS else rows


def send(client: Connection, path: str, request: Request) -> Answer:
    """Send a request to the route at `path`."""
    method, rest, body, headers = request
    url = f"/v2/models{path}/infer" if rest == "/v2" else f"{path}{rest}"
    return client.request(method, url, body, headers)


def broken(answer: Answer, right: Answer, law: str, model: Model, row: Row, start: str) -> str | None:
    """Say how an answer breaks a law; None where it keeps it."""
    told = answer.headers.get("x-columns-ignored")
    sent = [name for name in row if name not in model.row]
    if law in ("right", "counted"):
        if (answer.status, answer.body) != (200, right.body):
            return f"{answer.status} {answer.body[:300]!r}"
        counted = f"1, {sent[0].replace(',', '%2C').replace(' ', '%20')}" if law == "counted" else None
        return None if told == counted else f"counted {told}"
    if law == "gap" and model.takes_gaps:
        return None if (answer.status, told) == (200, None) else f"{answer.status} {answer.body[:300]!r}"
    faults = answer.json.get("errors", []) if answer.status == 400 else []
    if not faults or not all(fault["at"].startswith(start) for fault in faults):
        return f"{answer.status} {answer.body[:300]!r}"
    text = " ".join(str(part) for fault in faults for part in fault.values())
    names = {"near": [model.field, *sent], "unknown": sent, "absent": [model.field], "gap": [model.field]}[law]
    missing = [name for name in names if repr(name)[1:-1] not in text]
    return f"{missing} not in {text}" if missing else None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", MODELS)
def test_every_cell_keeps_its_law(client: Connection, kind: str, dialect: str) -> None:
    """Names that match, nearly match, are missing or too many mean the same to every model in a family of dialects."""
    model = MODELS[kind]
    write, start = DIALECTS[dialect]
    right = send(client, model.path, write(model.row))
    found = {}
    for case, (names, *_) in LAWS.items():
        row = names(model)
        answer = send(client, model.path, write(row))
        reason = broken(answer, right, law_of(dialect, case), model, row, start)
        if reason is not None:
            found[case] = reason
    assert found == {}


@pytest.mark.parametrize("dialect", TABLES)
def test_the_registry_may_let_columns_be_absent(client: Connection, dialect: str) -> None:
    """`required: false` and `default` are said by a person: such a column may be absent, but not misspelt."""
    write, _ = TABLES[dialect]
    weight = {"weight_kg": 60.0}
    full = send(client, "/optional", write({**weight, "age_years": 40.0}))
    assert (full.status, send(client, "/optional", write(weight)).body) == (200, full.body)
    for name in ("dose.mg", "dose (mg)", "Dosage", "dose", "doze_mg", "patient dosage"):
        answer = send(client, "/optional", write({**weight, name: 95.0}))
        assert answer.status == 400, (name, answer.body)
        assert "dos" in json.dumps(answer.json["errors"])
    twice = send(client, "/optional", write({**weight, "Dose_mg": 95.0, "dose-mg": 95.0}))
    assert all(name in json.dumps(twice.json["errors"]) for name in ("Dose_mg", "dose-mg"))


@pytest.mark.parametrize("dialect", TABLES)
def test_an_id_is_no_ignored_column(client: Connection, dialect: str) -> None:
    """The column that names the rows is not counted; an alias is a name like any other, near ones included."""
    write, _ = TABLES[dialect]
    row = {"dosage": 95.0, "weight_kg": 60.0, "age_years": 40.0}
    answer = send(client, "/optional", write({"id": 7.0, **row}))
    assert (answer.status, answer.headers.get("x-columns-ignored")) == (200, None)
    assert send(client, "/optional", write({"id": 7.0, **row, "dose.mg": 1.0})).status == 400
    assert send(client, "/optional", write({"id": 7.0, **row, "Dosage": 1.0})).status == 400
    index = send(client, "/optional", write({"Unnamed: 0": 0.0, "__index_level_0__": 0.0, **row}))
    assert index.headers["x-columns-ignored"] == "2, Unnamed%3A%200, __index_level_0__"


def test_at_most_twenty_names_are_told(client: Connection) -> None:
    """The header stays short, however many and long the columns are; the number is whole."""
    many = {f"note {at}": 1.0 for at in range(200)}
    answer = send(client, "/plain", of_type(body_of_csv({**DOSES, **many}), "text/csv"))
    told = answer.headers["x-columns-ignored"].split(", ")
    assert (answer.status, told[:2], len(told)) == (200, ["200", "note%200"], 21)
    long = {f"{at}{'漢' * 5_000}": 1.0 for at in range(30)}
    answer = send(client, "/plain", of_type(body_of_csv({**DOSES, **long}), "text/csv"))
    assert (answer.status, answer.headers["x-columns-ignored"][:3]) == (200, "30,")
    assert len(answer.headers["x-columns-ignored"]) < 2_100


def test_separators_at_the_end_of_lines_are_no_columns(client: Connection) -> None:
    """Columns without name and cells, as spreadsheets save them, are not counted; the index that pandas writes is."""
    lines = ["dose_mg;weight_kg;age_years;;", "95;60;40;;", ";;;;", ";;;;", ""]
    answer = send(client, "/imputed", of_type("\r\n".join(lines).encode(), "text/csv"))
    assert (answer.status, len(answer.json["predictions"])) == (200, 1)
    assert "x-columns-ignored" not in answer.headers
    index = send(client, "/imputed", of_type(b",dose_mg,weight_kg,age_years\n0,95,60,40\n", "text/csv"))
    assert (index.json, index.headers["x-columns-ignored"]) == (answer.json, "1, (unnamed)")


def test_a_gap_between_rows_keeps_the_numbers(client: Connection) -> None:
    """A sum under a gap is refused with the line of the gap, or answered beside a null that stands for it."""
    body = b"dose_mg,weight_kg,age_years\n95,60,40\n,,\n95,60,40\n"
    (fault,) = send(client, "/imputed", of_type(body, "text/csv")).json["errors"]
    assert (fault["code"], fault["row"]) == ("blank-row", 1)
    assert fault["message"].startswith("line 3 ")
    skipped = client.request("POST", "/imputed", body, {"Content-Type": "text/csv", "Prefer": "on-error=skip"})
    first, gap, last = skipped.json["predictions"]
    assert (gap, first) == (None, last)
