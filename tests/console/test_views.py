"""The script shows of an answer what the server shows: the same outputs, texts, units and bars, the same numbers."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.modules import call, needs_node
from gateway.codecs.json import encode
from gateway.console.number_text import percent_text
from gateway.console.page_data import output_data
from gateway.console.result import values_of
from gateway.console.server_rows import executor_text, is_troubled
from gateway.schema import Output, OutputPart

NUMBERS = json.loads(Path(__file__).with_name("numbers.json").read_text("utf-8"))
MANY = {f"label {at}": (at % 7) / 60 for at in range(30)}
ANSWERS: list[tuple[Output, Any]] = [
    (Output(unit="USD", decimals=2), {"prediction": 42390.615}),
    (Output(), {"prediction": 1e-7}),
    (Output(), {"prediction": None}),
    (
        Output(kind="classification", labels=("no", "yes"), probabilities=True),
        {"prediction": "no", "probabilities": {"no": 0.9995, "yes": 5e-4}},
    ),
    (
        Output(kind="classification", labels=(1, 0), probabilities=True),
        {"prediction": 1, "probabilities": {"1": 0.5, "0": 0.5}},
    ),
    (Output(kind="classification", labels=(1.0, 2.5)), {"prediction": 1.0}),
    (
        Output(kind="classification", labels=(True, False), probabilities=True),
        {"prediction": False, "probabilities": {"true": 0.25, "false": None}},
    ),
    (
        Output(kind="classification", labels=tuple(MANY), probabilities=True),
        {"prediction": "label 6", "probabilities": MANY},
    ),
    (
        Output(kind="classification", labels=("1e5", "[x]"), probabilities=True),
        {"prediction": "[x]", "probabilities": {"1e5": 0.1, "[x]": 0.9}},
    ),
    (
        Output(kind="multi_label", names=("a", "b"), probabilities=True),
        {"prediction": {"a": 1, "b": 0}, "probabilities": {"a": 0.7, "b": 0.2}},
    ),
    (Output(kind="multi_output", names=("10", "9"), unit="kg"), {"prediction": {"10": 1234.5, "9": None}}),
    (Output(kind="multi_output", unit="kg", decimals=1), {"prediction": [1, 2.25, [3.5, 4.25]]}),
    (
        Output(
            kind="multi_output",
            names=("x", "y"),
            parts=(OutputPart(type="string", labels=("u", "v"), probabilities=True), OutputPart()),
        ),
        {"prediction": {"x": "v", "y": 2}, "probabilities": {"x": {"u": 0.25, "v": 0.75}}},
    ),
    (Output(kind="json"), {"prediction": {"deep": [1, {"er": 2}]}}),
    (Output(kind="json"), {"prediction": "a text, with: signs"}),
    (Output(kind="json"), {"prediction": True}),
]


@needs_node
def test_outputs_are_shown_alike(tmp_path: Path) -> None:
    calls = [
        ["viewsOf", encode({"answer": 1, **body}).decode(), msgspec.to_builtins(output_data(output))]
        for output, body in ANSWERS
    ]
    for (output, body), found in zip(ANSWERS, call("answers.js", calls, tmp_path), strict=True):
        assert found == [msgspec.json.decode(encode(view)) for view in values_of(output, body)], body


@needs_node
def test_numbers_and_shares_are_written_alike(tmp_path: Path) -> None:
    numbers = [["numberText", value, decimals] for value, decimals, _ in NUMBERS["numbers"]]
    shares = [["percentText", share] for share, _ in NUMBERS["shares"]]
    found = call("numbers.js", [*numbers, *shares], tmp_path)
    assert found == [*(text for *_, text in NUMBERS["numbers"]), *(text for _, text in NUMBERS["shares"])]


@needs_node
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_shares_between_agree(scale: float, tmp_path: Path) -> None:
    shares = [at / 4_001 * scale for at in range(4_002)]
    assert call("numbers.js", [["percentText", share] for share in shares], tmp_path) == [
        percent_text(share) for share in shares
    ]


#: What /health?figures tells of models that do not run in the workers.
EXECUTORS: list[dict[str, Any]] = [
    {"kind": "process", "state": "ready", "instances": 1, "ready": 1, "restarts": 0, "breaker": "closed"},
    {"kind": "process", "state": "degraded", "instances": 2, "ready": 1, "restarts": 1_200, "breaker": "closed"},
    {"kind": "h2o_server", "state": "waiting", "instances": 1, "ready": 0, "restarts": 1, "breaker": "open"},
    {"kind": "upstream", "state": "away", "instances": 3, "ready": 0, "breaker": "half-open"},
    {"kind": "ray", "state": "ready", "instances": 1, "ready": 1},
]


@needs_node
def test_where_models_run_is_said_alike(tmp_path: Path) -> None:
    found = call("index.js", [["executorText", executor] for executor in EXECUTORS], tmp_path)
    assert found == [executor_text(executor) for executor in EXECUTORS]
    troubled = call("index.js", [["isTroubled", executor] for executor in EXECUTORS], tmp_path)
    assert troubled == [is_troubled(executor) for executor in EXECUTORS] == [False, True, True, True, False]
