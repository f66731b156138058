"""`_detail=true` puts prediction and probabilities beside the answer of a route, wherever an answer has a place."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import serving
from rest.one_worker import Worker, environ_of
from serving import Gateway

SAMPLE = (serving.ROOT / "models" / "insurance" / "sample.csv").read_bytes()
PATIENT: dict[str, Any] = {
    "times_pregnant": 1,
    "glucose": 106,
    "blood_pressure": 70,
    "skin_fold_thick": 28,
    "serum_insulin": 135,
}
PATIENT |= {"mass_index": 34.2, "diabetes_pedigree": 0.142, "age": 22}
ROWS = [PATIENT, PATIENT | {"glucose": 183}]


def detailed(five: Gateway, rows: Any = ROWS) -> list[Any]:
    """Return what `_detail=true` must answer: the plain answers, beside what each label gets."""
    plain = five.post("/diabetes", rows).json["predictions"]
    found = []
    for answer in plain:
        yes = answer["prediction"]
        label = "yes" if yes >= 0.5 else "no"
        found.append(
            {"answer": answer, "prediction": label, "probabilities": {"no": pytest.approx(1 - yes), "yes": yes}}
        )
    return found


def multipart(**fields: tuple[str, bytes] | str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a form; a pair is a file with its name."""
    parts = []
    for name, value in fields.items():
        file, content = value if isinstance(value, tuple) else ("", value.encode())
        named = f'; filename="{file}"' if file else ""
        parts.append(
            f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
        )
    return b"".join(parts) + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def test_one_instance_however_the_option_came(five: Gateway) -> None:
    """Query, JSON body, wrapped body, form and multipart form ask alike; `false` and null ask for nothing."""
    body, kind = multipart(**{name: str(value) for name, value in PATIENT.items()}, _detail="true")
    values = {"data": list(PATIENT.values()), "_detail": True}
    answers = [
        five.get("/diabetes", None, **PATIENT, _detail="true"),
        five.get("/diabetes", data=",".join(map(str, PATIENT.values())), _detail="true"),
        five.post("/diabetes?_detail=true", PATIENT),
        five.post("/diabetes", PATIENT | {"_detail": True}),
        five.post("/diabetes", PATIENT | {"_detail": "true"}),
        five.post("/diabetes", values),
        five.post("/diabetes", {"data": json.dumps(PATIENT), "_detail": True}),
        five.form("/diabetes", "POST", **PATIENT, _detail="true"),
        five.request("POST", "/diabetes", body, kind),
    ]
    assert [answer.json for answer in answers] == detailed(five)[:1] * len(answers)
    assert not any("x-columns-ignored" in answer.headers for answer in answers)
    plain = five.post("/diabetes", PATIENT).json
    for off in ({"_detail": False}, {"_detail": "false"}, {"_detail": None}):
        assert five.post("/diabetes", PATIENT | off).json == plain
    assert five.get("/diabetes", None, **PATIENT, _detail="false").json == plain


def test_batches_keep_their_shape(five: Gateway) -> None:
    """Wrapped, by column, NDJSON and by id: the same document with a richer answer in each place."""
    expected = detailed(five)
    columns = {name: [row[name] for row in ROWS] for name in PATIENT}
    bodies: tuple[Any, ...] = (ROWS, {"instances": ROWS}, columns)
    for body in bodies:
        assert five.post("/diabetes?_detail=true", body).json == {"predictions": expected}
    for body in bodies[1:]:
        assert five.post("/diabetes", body | {"_detail": True}).json == {"predictions": expected}
    lines = five.post("/diabetes?_detail=true", ROWS, {"Accept": "application/x-ndjson"}).body.splitlines()
    assert [json.loads(line) for line in lines] == expected
    by_id = five.request("POST", "/insurance?_detail=true", SAMPLE, {"Content-Type": "text/csv"}).json
    plain = five.request("POST", "/insurance", SAMPLE, {"Content-Type": "text/csv"}).json
    assert {key: answer["answer"] for key, answer in by_id.items()} == plain
    assert all(answer["prediction"] == answer["answer"] for answer in by_id.values())
    assert all(set(answer["probabilities"]) == {"0", "1"} for answer in by_id.values())


def test_tables_get_a_column_per_leaf(five: Gateway) -> None:
    """CSV and Parquet name the own answer `answer…`, and hold what JSON holds; a single instance too."""
    kind = {"Content-Type": "text/csv"}
    plain = five.request("POST", "/insurance?_detail=true", SAMPLE, kind).json
    text = five.request("POST", "/insurance?_detail=true", SAMPLE, {**kind, "Accept": "text/csv"}).body.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        answer = plain[row["id"]]
        assert (int(row["answer"]), int(row["prediction"])) == (answer["answer"], answer["prediction"])
        assert float(row["probabilities.1"]) == answer["probabilities"]["1"]
    accept = {"Accept": "application/vnd.apache.parquet"}
    body = five.request("POST", "/insurance?_detail=true", SAMPLE, kind | accept).body
    table = pyarrow.parquet.read_table(io.BytesIO(body)).to_pydict()
    assert table["probabilities.1"] == [answer["probabilities"]["1"] for answer in plain.values()]
    one = five.get("/sentiment", {"Accept": "text/csv"}, query="boring", _detail="true").body.decode()
    assert one.splitlines()[0].split(",")[1:4] == ["answer.prediction", "answer.confidence", "prediction"]


def test_files_of_forms_and_bad_rows(five: Gateway) -> None:
    """A form asks beside its file, in every format of it; a bad row keeps its place and its fault."""
    bad = [*ROWS, {"glucose": "x"}]
    lines = b"\n".join(json.dumps(row).encode() for row in bad)
    for name, content in (("a.json", json.dumps(bad).encode()), ("a.ndjson", lines)):
        body, kind = multipart(file=(name, content), _detail="true", _on_error="skip")
        answer = five.request("POST", "/diabetes", body, kind).json
        assert answer["predictions"] == [*detailed(five), None]
        assert answer["total_errors"] == len(answer["errors"]) == 1


def test_a_long_batch_streams_its_details(five: Gateway) -> None:
    """Every chunk of a streamed answer has them, and the rows keep their order."""
    rows = [PATIENT | {"glucose": 50 + row % 400} for row in range(12_001)]
    answer = five.post("/diabetes?_detail=true", rows)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.json["predictions"] == detailed(five, rows)


@pytest.mark.parametrize("value", ["yes", "1", "", "True"])
def test_other_values_are_refused_by_name(five: Gateway, value: str) -> None:
    """The fault names the option, what was sent and what it takes; nothing is predicted."""
    answer = five.get("/sentiment", query="x", _detail=value)
    assert answer.status == 400
    [fault] = answer.json["errors"]
    assert (fault["at"], fault["code"], fault["expected"]) == ("query._detail", "option", ["true", "false"])
    assert repr(value) in fault["message"]


def test_refusals_say_where_the_option_stood(five: Gateway) -> None:
    """Of a body, a form, and of an option that is given twice."""
    body = five.post("/sentiment", {"query": "x", "_detail": 1}).json["errors"][0]
    assert (body["at"], body["message"]) == ("$._detail", "_detail is true or false, not a number")
    assert five.form("/sentiment", query="x", _detail="on").json["errors"][0]["at"] == "form._detail"
    twice = five.get("/sentiment?query=x&_detail=true&_detail=false").json["errors"][0]
    assert (twice["at"], twice["code"]) == ("query._detail", "repeated")


def test_protocols_answer_as_they_prescribe(five: Gateway) -> None:
    """V2 and MLflow know no such option, so it changes nothing there."""
    tensor = {"inputs": [{"name": "query", "shape": [1], "datatype": "BYTES", "data": ["boring"]}]}
    for path, body in (("/v2/models/sentiment/infer", tensor), ("/sentiment/invocations", {"instances": ["boring"]})):
        assert five.post(f"{path}?_detail=true", body).json == five.post(path, body).json


def test_a_field_of_that_name_stays_a_field(tmp_path: Path) -> None:
    """Where a model has an input `_detail`, what is sent under the name is its value, as before."""
    inputs = [{"name": "a"}, {"name": "_detail"}]
    (tmp_path / "odd.stub.json").write_text(json.dumps({"inputs": inputs, "output": {"kind": "regression"}}))
    worker = Worker(tmp_path, "version: 1\nroutes: {/odd: odd.stub.json}\n")
    for environ in (
        environ_of("GET", "/odd?a=1&_detail=5"),
        environ_of("POST", "/odd", b"a=1&_detail=5", {"Content-Type": "application/x-www-form-urlencoded"}),
        environ_of("POST", "/odd", b'{"a": 1, "_detail": 5}', {"Content-Type": "application/json"}),
    ):
        assert worker.ask(environ).json == {"prediction": 6}
