"""`_explain` puts the exact parts of an answer beside it, in every form in which a route is asked and answers."""

import csv
import io
import json
import math
import re
import threading
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from python_calamine import CalamineWorkbook

from rest.one_worker import Answer, Worker, environ_of
from serving import Gateway, until

JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
#: The stub answers the sum of its numbers, so each number is its own contribution.
ROWS: list[dict[str, Any]] = [{"a": 1, "b": -5, "c": 3}, {"a": 2, "b": 0.5, "c": 0}]
TABLE = b"a,b,c\n1,-5,3\n2,0.5,0\n"
INPUTS = [{"name": name} for name in "abc"]
LABELS = {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}
REGISTRY = """\
version: 1
routes:
  /sum: {artifact: sum3.stub.json, name: sum3}
  /why: {artifact: sum3.stub.json, response: {value: $value, why: $explanation.contributions, from: $explanation.base}}
  /whole: {artifact: sum3.stub.json, response: $explanation}
  /label: {artifact: label.stub.json}
  /broken: {artifact: label.stub.json, response: {why: $explanation}}
  /odd: {artifact: odd.stub.json}
  /ids: {artifact: sum3.stub.json, batch: by_id, id: {field: id}}
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Serve stubs that sum, one that answers labels, and one with a field called `_explain`."""
    folder = tmp_path_factory.mktemp("explanations")
    (folder / "sum3.stub.json").write_text(json.dumps({"inputs": INPUTS, "output": {"kind": "regression"}}))
    (folder / "label.stub.json").write_text(json.dumps({"inputs": INPUTS[:1], "output": LABELS}))
    odd = [{"name": "a"}, {"name": "_explain"}]
    (folder / "odd.stub.json").write_text(json.dumps({"inputs": odd, "output": {"kind": "regression"}}))
    return Worker(folder, REGISTRY)


def why(row: dict[str, Any], largest: int | None = None) -> dict[str, Any]:
    """Return the explanation of the sum of a row."""
    parts = dict(sorted(row.items(), key=lambda item: -abs(item[1])))
    kept = dict(list(parts.items())[:largest])
    others = {} if largest is None else {"others": sum(parts.values()) - sum(kept.values())}
    total = sum(row.values())
    return {"of": None, "scale": "value", "base": 0.0, "contributions": kept, **others, "margin": total}


def explained(row: dict[str, Any], largest: int | None = None) -> dict[str, Any]:
    """Return what the route answers with an explanation."""
    return {"answer": {"prediction": sum(row.values())}, "explanation": why(row, largest)}


def post(worker: Worker, path: str, body: Any, headers: dict[str, str] = JSON) -> Answer:
    """Send a body, as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return worker.ask(environ_of("POST", path, content, headers))


def test_one_instance_however_the_option_came(worker: Worker) -> None:
    """Query, JSON beside fields or values, form and preference ask alike; what is largest stands first."""
    row = ROWS[0]
    values = {"data": list(row.values()), "_explain": True}
    answers = [
        worker.ask(environ_of("GET", "/sum?a=1&b=-5&c=3&_explain=true")),
        worker.ask(environ_of("GET", "/sum?data=1,-5,3&_explain=true")),
        post(worker, "/sum?_explain=true", row),
        post(worker, "/sum", row | {"_explain": True}),
        post(worker, "/sum", row | {"_explain": "true"}),
        post(worker, "/sum", values),
        post(worker, "/sum", b"a=1&b=-5&c=3&_explain=true", FORM),
        post(worker, "/sum", row, JSON | {"Prefer": "explain"}),
    ]
    assert [answer.json for answer in answers] == [explained(row)] * len(answers)
    assert list(answers[0].json["explanation"]["contributions"]) == ["b", "c", "a"]
    for number in (post(worker, "/sum?_explain=2", row), post(worker, "/sum", row | {"_explain": 2})):
        assert number.json == explained(row, 2)
    plain = post(worker, "/sum", row)
    for off in (False, "false", None):
        assert post(worker, "/sum", row | {"_explain": off}).body == plain.body
        assert post(worker, "/sum", row | {"_explain": off}, JSON | {"Prefer": "explain"}).body == plain.body


def test_detail_stands_beside_it(worker: Worker) -> None:
    """With `_detail` too, the explanation is one more member of the detailed answer."""
    answer = post(worker, "/sum", ROWS[0] | {"_explain": 1, "_detail": True}).json
    assert answer == {"answer": {"prediction": -1.0}, "prediction": -1.0, "explanation": why(ROWS[0], 1)}


def test_batches_keep_their_shape(worker: Worker) -> None:
    """Wrapped, NDJSON, by id and long ones: the same document with an explanation at each answer."""
    expected = [explained(row) for row in ROWS]
    for body in (ROWS, {"instances": ROWS}):
        assert post(worker, "/sum?_explain=true", body).json == {"predictions": expected}
    assert post(worker, "/sum", {"instances": ROWS, "_explain": True}).json == {"predictions": expected}
    lines = post(worker, "/sum?_explain=true", ROWS, JSON | {"Accept": "application/x-ndjson"}).body.splitlines()
    assert [json.loads(line) for line in lines] == expected
    ids = [{"id": f"r{at}", **row} for at, row in enumerate(ROWS)]
    assert post(worker, "/ids?_explain=true", ids).json == dict(zip(("r0", "r1"), expected, strict=True))
    bad = post(worker, "/sum?_explain=true&_on_error=skip", [*ROWS, {"a": "x"}]).json
    assert (bad["predictions"], bad["total_errors"]) == ([*expected, None], 1)
    many = [{"a": at, "b": -5, "c": 0.5} for at in range(12_001)]
    answers = post(worker, "/sum?_explain=1", many).json["predictions"]
    assert len(answers) == len(many)
    assert answers[11_000] == explained(many[11_000], 1)


def test_tables_get_a_column_per_field(worker: Worker) -> None:
    """CSV, XLSX and Parquet keep their columns, then come base value and fields; a single instance too."""
    names = ["a", "b", "c", "prediction", *(f"explanation.{one}" for one in ("base", "a", "b", "c"))]
    rows = [[*row.values(), sum(row.values()), 0, *row.values()] for row in ROWS]
    text = post(worker, "/sum?_explain=true", TABLE, CSV | {"Accept": "text/csv"}).body.decode()
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == names
    assert [[float(cell) for cell in row] for row in read[1:]] == rows
    body = post(worker, "/sum?_explain=true", TABLE, CSV | {"Accept": "application/vnd.apache.parquet"}).body
    found = pyarrow.parquet.read_table(io.BytesIO(body))
    assert found.column_names == names
    assert found.column("explanation.b").to_pylist() == [-5, 0.5]
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    body = post(worker, "/sum?_explain=true", TABLE, CSV | {"Accept": sheet}).body
    assert CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python() == [names, *rows]
    one = worker.ask(environ_of("GET", "/sum?a=1&b=-5&c=3&_explain=1", b"", {"Accept": "text/csv"})).body.decode()
    assert one.splitlines() == [",".join([*names, "explanation.others"]), "1.0,-5.0,3.0,-1.0,0.0,,-5.0,,4.0"]


def test_a_template_may_name_it(worker: Worker) -> None:
    """A route whose `response` names `$explanation` explains every answer, in tables too."""
    expected = {"value": -1.0, "why": {"b": -5.0, "c": 3.0, "a": 1.0}, "from": 0.0}
    assert post(worker, "/why", ROWS[0]).json == expected
    text = post(worker, "/why", TABLE, CSV | {"Accept": "text/csv"}).body.decode()
    assert text.splitlines()[:2] == ["a,b,c,value,why.a,why.b,why.c,from", "1,-5,3,-1.0,1.0,-5.0,3.0,0.0"]


def test_a_template_and_the_option_tell_it_once(worker: Worker) -> None:
    """With `_explain` the explanation stands in its place, and not in the answer too: alone, detailed, in tables, V2."""
    row, bare = ROWS[0], {"value": -1.0}
    assert post(worker, "/why?_explain=1", row).json == {"answer": bare, "explanation": why(row, 1)}
    detailed = post(worker, "/why?_explain=true&_detail=true", row).json
    assert detailed == {"answer": bare, "prediction": -1.0, "explanation": why(row)}
    assert post(worker, "/why?_detail=true", row).json["answer"]["why"] == why(row)["contributions"]
    text = post(worker, "/why?_explain=true", TABLE, CSV | {"Accept": "text/csv"}).body.decode()
    columns = "a,b,c,value,explanation.base,explanation.a,explanation.b,explanation.c"
    assert text.splitlines()[:2] == [columns, "1,-5,3,-1.0,0.0,1.0,-5.0,3.0"]
    whole = post(worker, "/whole?_explain=true", [row]).json["predictions"]
    assert whole == [{"answer": {"prediction": -1.0}, "explanation": why(row)}]
    assert post(worker, "/whole", row).json == why(row)
    schemas = worker.ask(environ_of("GET", "/openapi.json")).json["components"]["schemas"]
    assert set(schemas["why.explained"]["properties"]["answer"]["properties"]) == {"value"}


@pytest.mark.parametrize("binary", [False, True])
def test_v2_has_it_among_its_parameters(worker: Worker, binary: bool) -> None:
    """`explain` of the request's parameters, `explanation` of the answer's; tensors may be raw bytes."""
    values = np.array([list(row.values()) for row in ROWS])
    tensor: dict[str, Any] = {"name": "x", "shape": [2, 3], "datatype": "FP64"}
    raw = values.tobytes() if binary else b""
    tensor |= {"parameters": {"binary_data_size": len(raw)}} if binary else {"data": values.ravel().tolist()}
    head = {"inputs": [tensor], "parameters": {"explain": 2, "binary_data_output": binary}}
    text = json.dumps(head).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(text))}
    answer = post(worker, "/v2/models/sum3/infer", text + raw, headers if binary else JSON)
    size = int(dict(answer.headers).get("Inference-Header-Content-Length", len(answer.body)))
    found = json.loads(answer.body[:size])
    assert found["parameters"] == {"explanation": [why(row, 2) for row in ROWS]}
    assert (len(answer.body) > size) == binary
    plain = post(worker, "/v2/models/sum3/infer", {"inputs": [tensor]} if not binary else text + raw, JSON)
    assert binary or "parameters" not in plain.json


def test_invocations_answer_explanations_beside_predictions(worker: Worker) -> None:
    """By `params` or the query, of JSON and of tables; without the option nothing changes."""
    predictions = [sum(row.values()) for row in ROWS]
    expected = {"predictions": predictions, "explanations": [why(row) for row in ROWS]}
    body = {"dataframe_records": ROWS}
    assert post(worker, "/sum/invocations", body | {"params": {"explain": True}}).json == expected
    assert post(worker, "/sum/invocations?_explain=true", body).json == expected
    assert post(worker, "/sum/invocations?_explain=true", TABLE, CSV).json == expected
    assert post(worker, "/sum/invocations", body).json == {"predictions": predictions}
    one = post(worker, "/sum/invocations?_explain=true", body | {"params": {"explain": 1, "other": 2}})
    assert one.json["explanations"] == [why(row, 1) for row in ROWS]
    assert dict(one.headers)["X-Params-Ignored"] == "1, other"


def test_a_preference_is_applied_or_ignored(worker: Worker) -> None:
    """`Preference-Applied` tells that it was; what cannot be read or met is ignored (RFC 7240)."""
    both = post(worker, "/sum", ROWS, JSON | {"Prefer": 'on-error=skip, explain="1"; x=1'})
    assert dict(both.headers)["Preference-Applied"] == "on-error=skip, explain=1"
    assert both.json["predictions"] == [explained(row, 1) for row in ROWS]
    short = post(worker, "/sum", ROWS[0], JSON | {"Prefer": "explain"})
    assert dict(short.headers)["Preference-Applied"] == "explain"
    ignored = [("/sum", ROWS[0], f"explain={value}") for value in ("0", "-1", "all", "1.5")]
    for path, row, prefer in [*ignored, ("/label", {"a": 1}, "explain")]:
        answer = post(worker, path, row, JSON | {"Prefer": prefer})
        assert answer.body == post(worker, path, row).body
        assert "Preference-Applied" not in dict(answer.headers)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "yes", "True", "", "9" * 10, "٥"])
def test_other_values_are_refused_by_name(worker: Worker, value: str) -> None:
    """The fault names the option, what was sent and what it takes."""
    [fault] = post(worker, "/sum", {"a": 1, "b": 1, "c": 1, "_explain": value}).json["errors"]
    assert (fault["at"], fault["code"]) == ("$._explain", "option")
    assert repr(value) in fault["message"]
    assert "a whole number from 1" in fault["expected"]


def test_refusals_say_where_the_option_stood(worker: Worker) -> None:
    """Of numbers and lists in a body, of an option given twice, of V2 and of MLflow."""
    row = {"a": 1, "b": 1, "c": 1}
    for value, told in ((0, "0"), (1.5, "1.5"), ([], "a list"), (-1, "-1")):
        fault = post(worker, "/sum", row | {"_explain": value}).json["errors"][0]
        assert fault["message"].endswith(f"not {told}")
    twice = worker.ask(environ_of("GET", "/sum?a=1&b=1&c=1&_explain=1&_explain=2")).json["errors"][0]
    assert (twice["at"], twice["code"]) == ("query._explain", "repeated")
    again = post(worker, "/sum/invocations?_explain=1&_explain=2", {"instances": [row]}).json
    assert again["message"] == "query._explain: _explain is given more than once"
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}
    v2 = post(worker, "/v2/models/sum3/infer", {"inputs": [tensor], "parameters": {"explain": "no"}})
    assert v2.json["error"].startswith("$.parameters.explain: explain is true, false or how many")
    mlflow = post(worker, "/sum/invocations", {"instances": [row], "params": {"explain": 0}})
    assert mlflow.json["message"].startswith("$.params.explain: explain is true, false or how many")


def test_what_cannot_be_explained_is_refused_with_the_way_out(worker: Worker) -> None:
    """422 `not-explainable` in the form of each protocol; nothing is predicted."""
    report = worker.generation.table.by_name["label"].manifest.explanation
    assert report is not None
    native = post(worker, "/label?_explain=true", {"a": 1})
    assert native.status == 422
    assert native.json["type"] == "urn:gateway:error:not-explainable"
    assert native.json["detail"] == f"the answers of /label cannot be explained: {report.reason}"
    assert native.json["hint"] == report.instead
    tensor = {"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}
    v2 = post(worker, "/v2/models/label/infer", {"inputs": [tensor], "parameters": {"explain": True}})
    assert (v2.status, v2.json["error"]) == (422, f"{native.json['detail']} ({report.instead})")
    mlflow = post(worker, "/label/invocations", {"instances": [{"a": 1}], "params": {"explain": True}})
    assert (mlflow.status, mlflow.json["error_code"]) == (422, "BAD_REQUEST")
    assert post(worker, "/label?_explain=true", b"a\n1\n", CSV).status == 422
    assert post(worker, "/label?_explain=false", {"a": 1}).status == 200


def test_a_template_that_cannot_be_filled_costs_its_route(worker: Worker) -> None:
    """A route that promises explanations of a model without any does not serve, with reason and fix."""
    answer = post(worker, "/broken", {"a": 1})
    assert answer.status == 503
    assert "$explanation" in answer.json["detail"]
    assert "take $explanation out of `response`" in answer.json["hint"]


def test_a_field_of_that_name_stays_a_field(worker: Worker) -> None:
    """Where a model has an input `_explain`, what is sent under the name is its value."""
    assert worker.ask(environ_of("GET", "/odd?a=1&_explain=5")).json == {"prediction": 6}
    assert post(worker, "/odd", {"a": 1, "_explain": 5}).json == {"prediction": 6}


def test_documents_tell_whether_and_how(worker: Worker) -> None:
    """Catalog, JSON Schema and OpenAPI say of each route if answers are explained, on which scale, and how to ask."""
    routes = {one["name"]: one for one in worker.ask(environ_of("GET", "/routes")).json["routes"]}
    assert routes["sum3"]["explanation"]["possible"] is True
    assert routes["sum3"]["explanation"]["scale"] == "value"
    assert routes["label"]["explanation"]["possible"] is False
    assert routes["label"]["explanation"]["fix"]
    schema = worker.ask(environ_of("GET", "/sum/schema")).json["explanation"]
    assert set(schema["properties"]["contributions"]["properties"]) == set("abc")
    assert "explanation" not in worker.ask(environ_of("GET", "/label/schema")).json
    paths = worker.ask(environ_of("GET", "/openapi.json")).json["paths"]
    asks = {path: {one["name"] for one in paths[path]["post"]["parameters"]} for path in ("/sum", "/label")}
    assert "_explain" in asks["/sum"]
    assert "_explain" not in asks["/label"]


def test_predicts_go_on_while_the_first_questions_wait(worker: Worker) -> None:
    """More first questions than the route has slots, a batch among them: they wait beside its slots, and are answered."""
    route = worker.generation.table.by_name["ids"]
    model: Any = route.model
    lazy = model._executor.explainer
    gate, real = threading.Event(), lazy._make
    lazy.unload()
    lazy._make = lambda: real() if gate.wait(30) else None
    row, bodies = ROWS[0], [ROWS[0], TABLE, *([ROWS[0]] * route.spec.max_concurrency)]
    asked: list[Answer] = []

    def ask(body: Any) -> None:
        asked.append(post(worker, "/ids?_explain=true", body, CSV if isinstance(body, bytes) else JSON))

    clients = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for client in clients:
        client.start()
    until(lambda: lazy._making is not None and len(lazy._making.waiting) == len(bodies), what="waiting")
    assert post(worker, "/ids", row).json == {"prediction": sum(row.values())}
    gate.set()
    for client in clients:
        client.join()
    lazy._make = real
    assert [answer.status for answer in asked] == [200] * len(bodies)


def test_a_real_model_adds_up_and_is_counted(five: Gateway) -> None:
    """XGBoost beside its compiled model: parts add up to its margin, which is the answer; rows and time are counted."""
    patient = {"data": [1, 106, 70, 28, 135, 34.2, 0.142, 22]}
    five.load_explainers("diabetes")
    found = five.post("/diabetes?_explain=true", patient).json
    why = found["explanation"]
    parts = list(why["contributions"].values())
    assert (why["of"], why["scale"], len(parts)) == ("yes", "log-odds", 8)
    assert parts == sorted(parts, key=lambda part: -abs(part))
    bound = 1e-5 * (abs(why["base"]) + sum(map(abs, parts)))
    assert abs(why["base"] + sum(parts) - why["margin"]) <= bound
    assert 1 / (1 + math.exp(-why["margin"])) == pytest.approx(found["answer"]["prediction"], rel=1e-5)
    assert found["answer"] == five.post("/diabetes", patient).json
    page = five.get("/metrics").body.decode()
    assert re.search(r'gateway_explanations_total\{route="diabetes"\} [1-9]', page)
    assert re.search(r'gateway_explain_seconds_count\{route="diabetes"\} [1-9]', page)
