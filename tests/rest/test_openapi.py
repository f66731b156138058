"""The documents that describe the gateway are true: to their own schemas, to the registry, to what is answered."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rest.schemathesis_run import schemathesis
from serving import Gateway


@pytest.fixture(scope="module")
def document(five: Gateway) -> Any:
    """Return the OpenAPI document of the five models."""
    return five.get("/openapi.json").json


def schema_of(document: Any, name: str) -> Any:
    """Return a schema of the document with what it refers to."""
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_every_reference_leads_somewhere(document: Any) -> None:
    """No reference dangles, no operation has the name of another."""
    text = json.dumps(document)
    for part, name in re.findall(r'"#/components/(\w+)/([^"]+)"', text):
        assert name in document["components"][part], name
    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    assert len(names) == len(set(names))
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_route_and_alias_is_described(five: Gateway, document: Any) -> None:
    """Each path that predicts stands in the document, with /schema and /invocations."""
    for route in five.get("/routes").json["routes"]:
        for path in (route["path"], *route["aliases"]):
            assert {path, f"{path}/schema", f"{path}/invocations"} <= set(document["paths"])


def test_samples_and_answers_fit_their_schemas(five: Gateway, document: Any) -> None:
    """A sample fits the schema of its body; what is answered to one and to a batch fits that of the answer."""
    for route in five.get("/routes").json["routes"]:
        name, sample = route["name"], route["sample"]
        for body, kind in ((sample, "answer"), ({"instances": [sample, sample]}, "batch"), ([sample], "batch")):
            jsonschema.validate(body, schema_of(document, f"{name}.body"))
            answer = five.post(route["path"], body)
            assert answer.status == 200, answer.body
            jsonschema.validate(answer.json, schema_of(document, f"{name}.{kind}"))
            detailed = five.post(f"{route['path']}?_detail=true", body)
            of_detail = "detailed" if kind == "answer" else "detailed_batch"
            jsonschema.validate(detailed.json, schema_of(document, f"{name}.{of_detail}"))


def test_explained_answers_fit_their_schemas(five: Gateway, document: Any) -> None:
    """What is asked and answered with an explanation is described: by the route, its batch, V2 and /invocations."""
    five.load_explainers("diabetes")
    sample = five.get("/diabetes/schema?sample").json
    tensors = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [float(value)]} for name, value in sample.items()
    ]
    for path, body, request, answer in (
        ("/diabetes?_explain=true", sample, "diabetes.body", "diabetes.explained"),
        ("/diabetes", sample | {"_explain": 2}, "diabetes.body", "diabetes.explained"),
        ("/diabetes?_explain=2", [sample], "diabetes.body", "diabetes.explained_batch"),
        ("/diabetes?_explain=2&_detail=true", sample, "diabetes.body", "diabetes.detailed"),
        ("/v2/models/diabetes/infer", {"inputs": tensors, "parameters": {"explain": 2}}, "v2.request", "v2.response"),
        (
            "/diabetes/invocations", {"instances": [sample], "params": {"explain": True}},
            "mlflow.request", "mlflow.answer",
        ),
    ):  # fmt: skip
        jsonschema.validate(body, schema_of(document, request))
        found = five.post(path, body)
        assert found.status == 200, found.body
        assert b"contributions" in found.body
        jsonschema.validate(found.json, schema_of(document, answer))
    for name, where in (("v2.request", "parameters"), ("mlflow.request", "params")):
        wanted = document["components"]["schemas"][name]["properties"][where]["properties"]["explain"]
        for value, fits in ((True, True), (3, True), ("true", True), (0, False), ("yes", False)):
            assert jsonschema.Draft202012Validator(wanted).is_valid(value) == fits
    for path in ("/diabetes", "/diabetes/invocations"):
        assert "_explain" in {one["name"] for one in document["paths"][path]["post"]["parameters"]}


def test_batches_with_bad_rows_fit_their_schema(five: Gateway, document: Any) -> None:
    """What `_on_error=skip` answers, in a list and by id, is described as well."""
    for path in ("/diabetes", "/insurance"):
        answer = five.post(f"{path}?_on_error=skip", [five.get(f"{path}/schema?sample").json, {"Age": "x"}])
        assert (answer.status, answer.json["total_errors"]) == (200, 1)
        jsonschema.validate(answer.json, schema_of(document, "skipped"))


def test_reports_of_a_check_fit_their_schema(five: Gateway, document: Any) -> None:
    """What POST <route>/check answers, of a good and of a faulty body, is described."""
    for path in ("/diabetes", "/insurance"):
        sample = five.get(f"{path}/schema?sample").json
        for body in (sample, [sample, sample], [sample, {"Age": "x"}]):
            answer = five.post(f"{path}/check", body)
            assert answer.status == 200
            jsonschema.validate(answer.json, schema_of(document, "check"))


def test_error_bodies_fit_their_schema(five: Gateway, document: Any) -> None:
    """400, 404, 405 and 415 have the documented body, on native, V2 and MLflow paths."""
    bad = b'{"glucose": "many"}'
    kind = {"Content-Type": "application/json"}
    for path, schema in (
        ("/diabetes", "error"),
        ("/v2/models/diabetes/infer", "v2.error"),
        ("/diabetes/invocations", "mlflow.error"),
    ):
        for method, body, headers in (("POST", bad, kind), ("PUT", bad, kind), ("POST", b"x", {"Content-Type": "a/b"})):
            answer = five.request(method, path, body, headers)
            assert answer.status in (400, 405, 415)
            jsonschema.validate(answer.json, schema_of(document, schema))
    jsonschema.validate(five.get("/nowhere").json, schema_of(document, "error"))


def test_the_schema_of_a_route_says_what_the_document_says(five: Gateway, document: Any) -> None:
    """GET <route>/schema has the instance and the answer of the OpenAPI document, complete in itself."""
    for path, name in (("/loan", "loan"), ("/katana-ml/api/v1.0/diabetes", "diabetes")):
        shown = five.get(f"{path}/schema").json
        for part, component in (("inputs", "instance"), ("outputs", "answer"), ("batch", "batch")):
            kept = {key: value for key, value in shown[part].items() if key not in ("$schema", "title")}
            assert kept == document["components"]["schemas"][f"{name}.{component}"]
            jsonschema.Draft202012Validator.check_schema(shown[part])
    assert five.get("/nowhere/schema").status == 404


@pytest.mark.parametrize(
    ("instance", "fits"),
    [
        ({"loanamount": 1, "deposit": 1}, True),
        ({"Loanamount": 1, "Deposit": 1}, True),
        ({"loanamount": 1, "Loanamount": 1, "deposit": 1}, False),
        ({"deposit": 1}, False),
        ({"loanamount": 1, "deposit": -1}, False),
        ({"loanamount": 1, "deposit": 1, "colour": "red"}, False),
        ({"loanamount": 1, "deposit": 1, "area": "moon"}, False),
        ({"loanamount": 1, "deposit": 1, "area": ""}, False),
        ({"loanamount": 1, "deposit": 1, "_on_error": "abort"}, True),
        ({"loanamount": 1, "deposit": 1, "_detail": True}, True),
    ],
)
def test_schema_and_validation_agree(five: Gateway, instance: dict[str, Any], fits: bool) -> None:
    """An instance fits the schema of its route exactly when the route answers it."""
    whole = {"age_group": "Young", "car_type": "SUV", "area": "rural", **instance}
    validator = jsonschema.Draft202012Validator(five.get("/loan/schema").json["inputs"])
    assert (validator.is_valid(whole), five.post("/loan", whole).status == 200) == (fits, fits)


@pytest.mark.parametrize(("level", "fits"), [("1", True), (1, True), ("", True), (None, True), ("x", False)])
def test_schema_and_validation_agree_on_gaps(five: Gateway, level: Any, fits: bool) -> None:
    """Where a level may be missing, an empty text is one way to say so, and the schema knows it."""
    validator = jsonschema.Draft202012Validator(five.get("/earnings/schema").json["inputs"])
    instance = {"region": level, "sat": 800}
    assert (validator.is_valid(instance), five.post("/earnings", instance).status == 200) == (fits, fits)


def test_the_page_needs_nothing_from_elsewhere(five: Gateway) -> None:
    """/docs names no other host, and its policy forbids to load from one."""
    page = five.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(rb"""(?:src|href)=["']?(?:https?:)?//""", page.body)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_schemathesis_finds_nothing_quickly(five: Gateway, tmp_path: Path) -> None:
    """Requests made from the document are accepted when they fit it, refused when not, and never a 500."""
    arguments = ("--phases=examples,fuzzing", "--max-examples=2", "--generation-deterministic")
    schemathesis(
        five, tmp_path, *arguments, "--exclude-path-regex=^/(api/v1|katana-ml)|^(/v2/models)?/loan", timeout_s=300
    )


def codes(server: Gateway) -> Counter[str]:
    """Return how many requests of routes were answered with which status since the start."""
    found: Counter[str] = Counter()
    page = server.get("/metrics").body.decode()
    for code, count in re.findall(r'^gateway_requests_total\{code="(\d+)"[^}]*\} (\S+)$', page, re.MULTILINE):
        found[code] += int(float(count))
    return found


@pytest.mark.slow
def test_schemathesis_finds_nothing_in_a_long_run(
    five: Gateway, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """The same with every phase, every path and a hundred times as many requests."""
    before = codes(five)
    arguments = ("--phases=examples,coverage,fuzzing", "--max-examples=400")
    figures(schemathesis(five, tmp_path, *arguments, timeout_s=7200))
    figures(f"answers by status: {dict(codes(five) - before)}")
