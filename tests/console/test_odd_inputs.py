"""Inputs whose names, levels and limits are odd: the page of such a route works as any other, also without a script."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.markup import control_of, parsed
from console.modules import call, needs_node
from console.test_try_page import answer_of, link, posted
from gateway.console.fields import described
from gateway.console.ranges import range_of
from gateway.schema import Field
from rest.one_worker import Worker

STUBS: dict[str, dict[str, Any]] = {
    "lines": {
        "inputs": [
            {"name": "two\nlines", "type": "string", "enum": ["a\nb", "a b", "c\r\nd"]},
            {"name": "old\rmac", "type": "string"},
        ],
        "output": {"kind": "json"},
    },
    "example": {"inputs": [{"name": "_example", "type": "string", "examples": ["7"]}], "output": {"kind": "json"}},
    "number": {"inputs": ["a"], "output": {"kind": "json"}},
    "reading": {
        "inputs": [
            "a",
            {"name": "b", "nullable": True},
            {"name": "c", "type": "boolean"},
            {"name": "d", "enum": [1, 2]},
            {"name": "e", "type": "string", "min_length": 0},
        ],
        "output": {"kind": "json"},
    },
}


def lay_out(folder: Path) -> str:
    """Write the stubs and return their registry."""
    for name, stub in STUBS.items():
        (folder / f"{name}.stub").write_text(json.dumps(stub))
    routes: dict[str, Any] = {f"/{name}": {"artifact": f"{name}.stub"} for name in STUBS}
    routes["/reading"]["reading"] = {"decimal": ",", "missing": ["NA"]}
    return yaml.safe_dump({"version": 1, "routes": routes}, sort_keys=False)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """Return a worker that serves them in this process."""
    folder = tmp_path_factory.mktemp("odd-inputs")
    return Worker(folder, lay_out(folder))


@pytest.mark.parametrize("level", ["a\nb", "a b", "c\r\nd"])
def test_line_ends_of_names_and_levels_are_those_of_the_model(worker: Worker, level: str) -> None:
    """A form sends every line end as CR LF, also in names; the model gets its own, and the level stays chosen."""
    by_form = posted(worker, "/console/lines", {"two\r\nlines": level.replace("\r\n", "\n"), "old\r\nmac": "x"})
    by_link = link(worker, "/console/lines", {"two\nlines": level, "old\rmac": "x"})
    for answer in (by_form, by_link):
        page = parsed(answer.body)
        assert answer_of(page)["prediction"] == {"two\nlines": level, "old\rmac": "x"}
        assert not page.all("option", **{"data-strange": ""})


def test_an_input_may_have_the_name_of_an_option(worker: Worker) -> None:
    """The button of an example takes another name where an input is called as it is."""
    assert (
        answer_of(parsed(posted(worker, "/console/example", {"_example": "0"}).body))["prediction"]["_example"] == "0"
    )
    assert (
        answer_of(parsed(posted(worker, "/console/example", {"__example": "0"}).body))["prediction"]["_example"] == "7"
    )


@pytest.mark.parametrize(
    ("text", "kind"), [("5", "number"), ("1e5", "number"), ("+5", "text"), (" 5", "text"), ("5.", "text")]
)
def test_a_box_shows_the_number_of_a_link(worker: Worker, text: str, kind: str) -> None:
    """A number box of HTML is empty for `+5`, so such a text has a text box: nothing that a link holds disappears."""
    page = parsed(link(worker, "/console/number", {"a": text}).body)
    control = control_of(page, "a")
    assert (control.attributes["type"], control.attributes["value"]) == (kind, text)
    assert answer_of(page)["prediction"]["a"] == float(text)


@pytest.mark.parametrize(("b", "seen"), [("2,5", 2.5), ("NA", None), ("", None)])
def test_the_same_request_holds_what_the_route_has_read(worker: Worker, b: str, seen: float | None) -> None:
    """A text that only the reading of the route makes a value of is sent as that value, and an empty text as one."""
    page = parsed(link(worker, "/console/reading", {"a": "1,5", "b": b, "c": "TRUE", "d": "2.0", "e": ""}).body)
    expected = {"a": 1.5, "b": seen, "c": True, "d": 2, "e": ""}
    assert answer_of(page)["prediction"] == expected
    sample = page.one("pre", **{"data-language": "curl"}).text
    assert json.loads(sample[sample.index("{") : sample.rindex("}") + 1]) == expected


@pytest.mark.parametrize(
    "field",
    [
        Field(name="x", minimum=0, maximum=1e-322),
        Field(name="x", minimum=-1.7e308, maximum=1.7e308),
        Field(name="x", examples=(-1.7e308, 1.7e308)),
        Field(name="x", minimum=3, maximum=3),
    ],
)
def test_a_range_that_no_slider_can_show_is_none(field: Field) -> None:
    assert described(field)["range"] is None


def test_a_slider_never_stands_on_an_excluded_end() -> None:
    """Also where a step is less than what numbers of that size differ by."""
    found = range_of(Field(name="x", exclusive_minimum=1e16, exclusive_maximum=1e16 + 8))
    assert found is not None
    assert 1e16 < found["low"] < found["high"] < 1e16 + 8


@needs_node
def test_a_batch_counts_labels_under_the_names_of_their_probabilities(tmp_path: Path) -> None:
    """A label 1.0 is 1 for the script of the batch page, and is told as the route writes it."""
    calls: list[list[Any]] = [
        [1.0, {"1.0": 0.5, "2.5": 0.5}],
        [1, {"0": 0, "1": 1}],
        [12345, None],
        ["1", {"1": 1}],
        [True, None],
    ]
    found = call("summary.js", [["labelOf", *given] for given in calls], tmp_path)
    assert found == ["1.0", "1", "12345", "1", "true"]
