"""A gateway in front of another one: the same answers, and a route whose server is away beside routes that serve."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import serving
from serving import ROOT, Gateway, free_port

ROUTES = ("loan", "sentiment", "earnings", "insurance")


@pytest.fixture(scope="module")
def front(five: Gateway, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Serve four models of another gateway, and one of a server that is away."""
    url = f"http://127.0.0.1:{five.port}"
    lines = ["version: 1", f"defaults: {{executor: {{kind: upstream, url: '{url}'}}}}", "routes:"]
    for name in ROUTES:
        # The protocol does not tell which inputs may be missing.
        nullable = {
            field: {"nullable": True} for field, keywords in _properties(five, name).items() if "null" in str(keywords)
        }
        lines.append(f"  /{name}: {{inputs: {json.dumps(nullable)}}}")
    away = f"{{kind: upstream, url: 'http://127.0.0.1:{free_port()}'}}"
    lines.append(f"  /away: {{executor: {away}}}")
    with serving.running(tmp_path_factory.mktemp("front"), cache, "\n".join(lines), workers=1) as gateway:
        yield gateway


def _tensors(name: str, server: Gateway) -> list[dict[str, Any]]:
    """Return golden rows of a model as tensors, null for what may be missing."""
    told = server.get(f"/v2/models/{name}").json["inputs"]
    may_be_missing = {field for field, keywords in _properties(server, name).items() if "null" in str(keywords)}
    rows = json.loads((ROOT / "models" / name / "golden.json").read_text())["instances"]
    names = [one["name"] for one in told]
    whole = [row for row in rows if all(row.get(field) not in {None, ""} or field in may_be_missing for field in names)]
    assert whole
    rows = whole[:20]
    columns = {field: [row.get(field) for row in rows] for field in names}
    return [
        {"name": field, "shape": [len(rows)], "datatype": _datatype(values), "data": values}
        for field, values in columns.items()
    ]


def _properties(server: Gateway, name: str) -> dict[str, Any]:
    """Return the JSON Schema of each input of a route."""
    routes = server.get("/routes").json["routes"]
    found: dict[str, Any] = next(route["inputs"]["properties"] for route in routes if route["name"] == name)
    return found


def _datatype(values: list[Any]) -> str:
    kinds = {type(value) for value in values} - {type(None)}
    return "BYTES" if str in kinds else "BOOL" if kinds == {bool} else "FP64"


@pytest.mark.parametrize("name", ROUTES)
def test_the_same_answers(five: Gateway, front: Gateway, name: str) -> None:
    """Texts, categories, missing values, labels and probabilities: what the other gateway answers, to 1e-12."""
    body = {"inputs": _tensors(name, five)}
    there, here = (server.post(f"/v2/models/{name}/infer", body) for server in (five, front))
    assert there.status == 200, there.body
    assert here.status == 200, here.body
    wanted, found = ({one["name"]: one["data"] for one in answer.json["outputs"]} for answer in (there, here))
    assert wanted.keys() == found.keys()
    for output, values in wanted.items():
        if isinstance(values[0], float):
            np.testing.assert_allclose(found[output], values, rtol=1e-12, atol=1e-12)
        else:
            assert found[output] == values


def test_a_server_that_is_away_costs_its_route_only(front: Gateway) -> None:
    """503 with the reason and when to come back; explanations are refused by name."""
    answer = front.post("/away", {"a": 1})
    assert answer.status == 503
    assert b"executor-unavailable" in answer.body
    assert "retry-after" in answer.headers
    refused = front.post("/loan?_explain=true", front_sample(front, "loan"))
    assert (refused.status, b"does not run in this process" in refused.body) == (422, True)


def front_sample(front: Gateway, name: str) -> Any:
    """Return one plausible row."""
    return next(route["sample"] for route in front.get("/routes").json["routes"] if route["name"] == name)
