"""The clients of the five published systems get what they always got; where they do not, it is a decision."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import serving
from serving import Gateway

LOAN: dict[str, Any] = {"age_group": "Young", "car_type": "SUV", "loanamount": 12342, "deposit": 2360, "area": "rural"}
LOAN_REPO: dict[str, Any] = {
    "age_group": "Older",
    "car_type": "SUV",
    "Loanamount": 12342.5,
    "Deposit": 2360.67,
    "area": "rural",
}
LOAN_SHAPE = '{"ans":{"Prediction":"approved|declined","Approved":<float>,"Declined":<float>}}'
EARNINGS: dict[str, Any] = {
    "sat": 800,
    "cred": "Bachelors Degree",
    "cip": "English Language and Literature, General.",
    "coltype": "Private, nonprofit",
    "region": "1",
    "tuit": 15000,
    "locale": "11",
    "adm": 0.3,
}
EARNINGS_SHAPE = (
    '{"ADM_RATE_ALL":<float>,"CIPDESC_new":"English Language and Literature, General.","CONTROL":"Private, nonprofit",'
    '"CREDDESC":"Bachelors Degree","LOCALE":"11","REGION":"1","SAT_AVG_ALL":800,"predicted_earn":<float>,'
    '"tuition":15000}'
)
PIMA = "1,106,70,28,135,34.2,0.142,22"
CUSTOMER = {
    "Gender": "Male",
    "Age": 44,
    "Driving_License": 1,
    "Region_Code": "28",
    "Previously_Insured": 0,
    "Vehicle_Age": "> 2 Years",
    "Vehicle_Damage": "Yes",
    "Annual_Premium": 40454,
    "Policy_Sales_Channel": "26",
    "Vintage": 217,
}


def shape(body: bytes) -> str:
    """Return an answer as text with every fraction masked: members, their order, types and blanks stay."""
    text = re.sub(r"-?\d+\.\d+(e-?\d+)?", "<float>", body.decode())
    return re.sub(r'"(approved|declined)"', '"approved|declined"', text)


def decimals(body: bytes, name: str) -> int:
    """Return how many decimals a number of the answer shows."""
    found = re.search(rf'"{name}":-?\d+\.(\d+)', body.decode())
    assert found, body
    return len(found[1])


@pytest.mark.parametrize(
    ("query", "label"), [("that movie was boring", "Negative"), ("That was pretty entertaining", "Positive")]
)
def test_sentiment(five: Gateway, query: str, label: str) -> None:
    """The published sentences get their label and a confidence of three decimals at most, by query, form and JSON."""
    answers = [
        five.get("/sentiment", query=query),
        five.form("/sentiment", "GET", query=query),
        five.form("/sentiment", query=query),
        five.post("/sentiment", {"query": query}),
    ]
    assert {shape(a.body) for a in answers} == {f'{{"prediction":"{label}","confidence":<float>}}'}
    assert len({a.body for a in answers}) == 1
    assert decimals(answers[0].body, "confidence") <= 3


def test_confidence_is_the_probability_of_positive(five: Gateway) -> None:
    """A sure Negative shows a low confidence: the old field keeps its old meaning."""
    assert five.get("/sentiment", query="one of the worst films I have ever seen").json["confidence"] < 0.5
    assert five.get("/sentiment", query="a gripping, beautifully acted film").json["confidence"] > 0.5


def test_diabetes(five: Gateway) -> None:
    """The comma-separated line of the old path is answered by one unrounded number."""
    answer = five.post("/katana-ml/api/v1.0/diabetes", {"data": PIMA})
    assert (answer.status, shape(answer.body)) == (200, '{"prediction":<float>}')
    assert decimals(answer.body, "prediction") > 8
    assert 0 < answer.json["prediction"] < 1


def test_diabetes_by_any_name(five: Gateway) -> None:
    """Alias and path, line, list and named fields all reach the same model."""
    names = [field for route in five.get("/routes").json["routes"] if route["path"] == "/diabetes"
             for field in route["positional"]]  # fmt: skip
    values = [float(value) for value in PIMA.split(",")]
    bodies: list[Any] = [{"data": PIMA}, {"data": values}, dict(zip(names, values, strict=True))]
    paths = ["/diabetes", "/katana-ml/api/v1.0/diabetes"]
    assert len({five.post(path, body).body for path in paths for body in bodies}) == 1


def test_diabetes_takes_its_line_of_values_from_query_and_form(five: Gateway) -> None:
    """`data=` works as in JSON wherever it can be written; named fields beat it, and twice is a fault."""
    path = "/katana-ml/api/v1.0/diabetes"
    expected = five.post(path, {"data": PIMA}).body
    assert five.get(path, data=PIMA).body == five.form(path, data=PIMA).body == expected
    assert five.form(path, "GET", data=PIMA).body == expected
    twice = five.get(f"{path}?data=1,2&data={PIMA}")
    assert (twice.status, twice.json["errors"][0]["at"]) == (400, "query.data")
    bad = five.form(path, data=PIMA.replace("106", "x")).json["errors"]
    assert [(fault["at"], fault["field"]) for fault in bad] == [("form.data[1]", "glucose")]
    named = five.form(path, data=PIMA, glucose=106).json["message"]
    assert named["age"] == "age is required"
    assert five.get("/sentiment", data="boring, really").body == five.get("/sentiment", query="boring, really").body


@pytest.mark.parametrize("fields", [LOAN, LOAN_REPO], ids=["post", "repository"])
def test_loan(five: Gateway, fields: dict[str, Any]) -> None:
    """Both published spellings of the amounts are read, by query, form and JSON alike."""
    answers = [
        five.get("/loan", **fields),
        five.form("/loan", "GET", **fields),
        five.form("/loan", **fields),
        five.post("/loan", fields),
    ]
    assert {shape(a.body) for a in answers} == {LOAN_SHAPE}
    assert len({a.body for a in answers}) == 1
    ans = answers[0].json["ans"]
    assert ans["Approved"] + ans["Declined"] == pytest.approx(1)


def test_loan_errors_come_together(five: Gateway) -> None:
    """The published faulty request gets HTTP 400 and one text per bad parameter, as Flask-RESTful's clients know it."""
    answer = five.get("/loan", **{**LOAN, "age_group": "older", "car_type": "SUVv"})
    assert answer.status == 400
    message = answer.json["message"]
    assert set(message) == {"age_group", "car_type"}
    assert "older" in message["age_group"]
    assert "is not a valid choice" in message["age_group"]
    assert "is not a valid choice" in message["car_type"]
    expected = {fault["field"]: set(fault["expected"]) for fault in answer.json["errors"]}
    assert expected == {
        "age_group": {"Young", "Older", "Middle-Aged"},
        "car_type": {"SUV", "Saloon", "Convertible"},
    }


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1", "/earnings"])
def test_earnings(five: Gateway, path: str) -> None:
    """The short parameter names give the model's column names, sorted, and a value of at most four decimals."""
    answer = five.get(path, **EARNINGS)
    assert (answer.status, shape(answer.body)) == (200, EARNINGS_SHAPE)
    assert decimals(answer.body, "predicted_earn") <= 4


def test_earnings_ignores_the_number_boxes(five: Gateway) -> None:
    """The old form also submits its linked boxes: unknown parameters of a query change nothing."""
    boxes: dict[str, Any] = {"sat_number": 1, "tuit_number": 2, "adm_number": 3}
    assert five.get("/api/v1/", **EARNINGS, **boxes).body == five.get("/api/v1/", **EARNINGS).body


def test_earnings_without_a_rate(five: Gateway) -> None:
    """What the old form called an error in a 200 is a missing value, as in training, and shows as null."""
    answer = five.get("/api/v1/", **{name: value for name, value in EARNINGS.items() if name != "adm"})
    assert (answer.status, answer.json["ADM_RATE_ALL"]) == (200, None)
    assert isinstance(answer.json["predicted_earn"], float)


def test_insurance_by_id(five: Gateway) -> None:
    """Rows with an id are answered by an object of labels in row order, whatever the id's spelling."""
    for name in ("id", "Id", "ID"):
        answer = five.post("/insurance", [{name: 381110, **CUSTOMER}, {name: 7, **CUSTOMER, "Previously_Insured": 1}])
        assert (answer.status, answer.body) == (200, b'{"381110":1,"7":0}')


def test_insurance_without_ids(five: Gateway) -> None:
    """Rows without an id are answered by a list of labels in row order."""
    answer = five.post("/insurance", [{**CUSTOMER, "Previously_Insured": 1}, CUSTOMER])
    assert (answer.status, answer.body) == (200, b"[0,1]")


def test_json_beats_query_beats_form(five: Gateway) -> None:
    """A field that is given twice counts where it is most explicit, field by field."""
    encoded = urlencode({"query": "a gripping, beautifully acted film"})
    boring = b'{"query": "that movie was boring"}'
    by_json = five.request("POST", f"/sentiment?{encoded}", boring, {"Content-Type": "application/json"})
    assert by_json.json["prediction"] == "Negative"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    by_query = five.request("POST", f"/sentiment?{encoded}", b"query=that+movie+was+boring", kind)
    assert by_query.json["prediction"] == "Positive"


DEPARTURES: dict[str, tuple[str, str, Any]] = {
    "sentiment without query was 500": ("GET", "/sentiment", {}),
    "sentiment of nothing was Positive": ("GET", "/sentiment", {"query": ""}),
    "loan without amount was 500": ("GET", "/loan", {k: v for k, v in LOAN.items() if k != "loanamount"}),
    "loan with a word for an amount was 500": ("GET", "/loan", {**LOAN, "deposit": "abc"}),
    "loan without a level went to the model": ("GET", "/loan", {k: v for k, v in LOAN.items() if k != "area"}),
    "earnings of an unknown region was 200": ("GET", "/api/v1/", {**EARNINGS, "region": "99"}),
    "earnings took any admission rate": ("GET", "/api/v1/", {**EARNINGS, "adm": 9}),
    "diabetes of three values was 500": ("POST", "/diabetes", {"data": "1,2,3"}),
    "diabetes of no data was 500": ("POST", "/diabetes", {}),
    "diabetes took nan": ("POST", "/diabetes", {"data": PIMA.replace("106", "nan")}),
    "diabetes took any glucose": ("POST", "/diabetes", {"data": PIMA.replace("106", "1e30")}),
    "insurance filled what was missing": ("POST", "/insurance", [{"Gender": "Male"}]),
}


@pytest.mark.parametrize("case", DEPARTURES.values(), ids=list(DEPARTURES))
def test_departures(five: Gateway, case: tuple[str, str, Any]) -> None:
    """What the old systems answered with a 500, with text, or with a guess is a JSON 400 that names the field."""
    method, path, fields = case
    answer = five.get(path, **fields) if method == "GET" else five.post(path, fields)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["errors"]


def test_methods_that_were_refused_are_welcome(five: Gateway) -> None:
    """Old POST-only and GET-only paths take both; the answer is JSON where it was text/html."""
    names = five.get("/routes").json["routes"][1]["positional"]
    by_query = five.get("/katana-ml/api/v1.0/diabetes", **dict(zip(names, PIMA.split(","), strict=True)))
    posted = five.post("/api/v1/", EARNINGS)
    assert (by_query.status, posted.status) == (200, 200)
    assert by_query.headers["content-type"] == posted.headers["content-type"] == "application/json"


TUTORIAL_CODE = '''
def hello():
    """Greet."""
    return {"hello": "world"}


def sq(num1: float):
    """Square a number."""
    return {"ans": num1 ** 2}


def total(num1: float, num2: float):
    """Add two numbers."""
    return {"ans": num1 + num2}
'''

TUTORIAL = """
version: 1
routes:
  /hello: {artifact: "tutorial.py:hello", response: $value}
  /sq: {artifact: "tutorial.py:sq", response: $value}
  /sum: {artifact: "tutorial.py:total", response: $value}
"""


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve three functions of one Python file."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "tutorial.py").write_text(TUTORIAL_CODE)
    with serving.running(folder, cache, TUTORIAL) as server:
        yield server


def test_tutorial(tutorial: Gateway) -> None:
    """Three functions of a Python file answer as the tutorial's three resources did."""
    assert tutorial.get("/hello").body == b'{"hello":"world"}'
    assert tutorial.get("/sq", num1=2).body == b'{"ans":4.0}'
    assert tutorial.get("/sum", num1=2, num2=5).body == b'{"ans":7.0}'


def test_tutorial_faults(tutorial: Gateway) -> None:
    """Type hints are rules: a word for a number and a missing number are named together."""
    answer = tutorial.get("/sum", num1="two")
    assert answer.status == 400
    assert set(answer.json["message"]) == {"num1", "num2"}
