"""What-if curves: drawn beside every input, seen by a person, from one batch request, equal to single answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import playwright.sync_api as playwright
import pytest
from playwright.sync_api import Page, expect

import serving
from console.guards import Guards
from serving import Gateway

#: Two numbers and a level, an answer of two numbers: many batch shapes and limits from one small file.
CODE = """
from typing import Literal


def predict(a: float, b: int, kind: Literal["plain", "'quoted'", "<b>"] = "plain", note: str = "") -> dict:
    if a > 8:
        a = float("nan")
    return {"sum": a + b, "product": a * b, "kind": kind}
"""
WIDE = "def predict({}) -> float:\n    return {}\n"
REGISTRY = """
version: 1
routes:
  /wrapped: {{artifact: {folder}/model.py, inputs: {inputs}}}
  /listed: {{artifact: {folder}/model.py, inputs: {inputs}, batch: list}}
  /by_id: {{artifact: {folder}/model.py, inputs: {inputs}, batch: by_id, id: {{field: row}}}}
  /single: {{artifact: {folder}/model.py, inputs: {inputs}, max_rows: 1}}
  /few: {{artifact: {folder}/model.py, inputs: {inputs}, max_rows: 30}}
  /wide: {{artifact: {folder}/wide.py, inputs: {wide}}}
"""
INPUTS = {
    "a": {"minimum": 0, "maximum": 10, "examples": [2.5]},
    "b": {"minimum": -3, "maximum": 3, "examples": [1]},
}
WIDTH = 30


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve one function under every shape of a batch, and one with thirty inputs."""
    folder = tmp_path_factory.mktemp("shapes")
    names = [f"x{number}" for number in range(WIDTH)]
    (folder / "model.py").write_text(CODE)
    (folder / "wide.py").write_text(WIDE.format(", ".join(f"{name}: float" for name in names), " + ".join(names)))
    wide = {name: {"minimum": 0, "maximum": 1, "examples": [0.5]} for name in names}
    registry = REGISTRY.format(folder=folder, inputs=json.dumps(INPUTS), wide=json.dumps(wide))
    with serving.running(folder, cache, registry, workers=1) as server:
        yield server


def open_try(page: Page, server: Gateway, name: str, query: str = "") -> None:
    """Open the try page of a route and wait for its curves, or for the sentence that there are none."""
    page.goto(f"http://127.0.0.1:{server.port}/console/{name}{query}")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the curves belong to the present values."""
    expect(page.locator("body[data-whatif=new], body[data-whatif=none]").first).to_be_attached()


def batches(watch: Guards) -> list[Any]:
    """Return the rows of each what-if request."""
    sent = [json.loads(one.post_data or "null") for one in watch.requests if "_on_error=skip" in one.url]
    return [rows if isinstance(rows, list) else rows["instances"] for rows in sent]


def table(page: Page) -> dict[str, list[tuple[str, str]]]:
    """Return the numbers of the table by input: value and outcome as they are written."""
    if not page.locator("#whatif-table details").evaluate("details => details.open"):
        page.locator("#whatif-table summary").click()
    expect(page.locator("#whatif-table tbody").first).to_be_attached()
    rows = page.locator("#whatif-table tbody").evaluate_all(
        "bodies => bodies.map(body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent)))"
    )
    return {body[0][0]: [(row[-2], row[-1]) for row in body] for body in rows}


def test_each_input_has_a_curve_that_is_seen(
    page: Page, guards: list[Guards], five: Gateway, look: Callable[..., None]
) -> None:
    """Eight inputs are eight curves from one request of 8 x 21 rows; each has a box inside the window, and tells what it holds."""
    open_try(page, five, "diabetes")
    (rows,) = batches(guards[0])
    assert len(rows) == 8 * 21
    pictures = page.locator("[data-curve] svg")
    expect(pictures).to_have_count(8)
    for box in [one.bounding_box() for one in pictures.all()]:
        assert box is not None
        assert box["width"] > 100 and box["height"] > 20 and box["x"] >= 0
        assert box["x"] + box["width"] <= 1280
    for line in page.locator("[data-curve] svg polyline").all():
        assert (line.bounding_box() or {"width": 0})["width"] > 100
    expect(page.locator("[data-curve] svg .mark")).to_have_count(8)
    expect(
        page.get_by_text("All other inputs are held fixed. This is what the model says, not a cause.").first
    ).to_be_visible()
    expect(page.get_by_role("img", name="What if glucose: probability of yes")).to_be_visible()
    look(page, "try-what-if")


def test_the_table_holds_what_single_requests_answer(page: Page, five: Gateway) -> None:
    """The numbers beside a curve are those that the route answers one by one."""
    open_try(page, five, "diabetes")
    values = {
        "times_pregnant": 1, "blood_pressure": 70, "skin_fold_thick": 28, "serum_insulin": 135, "mass_index": 34.2,
        "diabetes_pedigree": 0.142, "age": 22,
    }  # fmt: skip
    rows = table(page)["glucose"]
    assert len(rows) == 21
    assert (rows[0][0], rows[-1][0]) == ("0 mg/dL", "600 mg/dL")
    for text, outcome in rows[::5]:
        answer = five.post("/diabetes", values | {"glucose": float(text.removesuffix(" mg/dL"))}).json["prediction"]
        assert outcome == f"{answer * 100:.1f} %"


def test_new_values_draw_anew_by_one_request(page: Page, guards: list[Guards], five: Gateway) -> None:
    """After a change the curves of all other inputs move, for one more request."""
    open_try(page, five, "diabetes")
    line = page.locator("[data-field=age] polyline").first
    before = line.get_attribute("points")
    page.get_by_label("glucose mg/dL", exact=False).first.fill("180")
    # Once the second batch is sent the curves are told to be old ones, until its answer is drawn.
    sent = serving.until(lambda: page.title() and len(now := batches(guards[0])) == 2 and now, what="a second batch")
    settled(page)
    assert page.locator("[data-field=age] polyline").first.get_attribute("points") != before
    assert {row["glucose"] for row in sent[1] if row["age"] == 22} >= {180}


def test_levels_are_bars_and_thirty_at_most(page: Page, five: Gateway, look: Callable[..., None]) -> None:
    """A category has a bar for each level, the present one among them; of many levels thirty, and the rest is told."""
    open_try(page, five, "earnings")
    subject = page.locator("[data-field=CIPDESC_new] [data-curve]")
    expect(subject.locator(".bar")).to_have_count(30)
    expect(subject.locator(".bar.present")).to_have_count(1)
    expect(subject).to_contain_text("30 of ")
    present = page.locator("[data-field=CIPDESC_new] select").input_value()
    assert present in [value for value, _ in table(page)["CIPDESC_new"]]
    for bar in page.locator("[data-field=CREDDESC] .bar").all():
        assert (bar.bounding_box() or {"height": 0})["height"] > 0
    # No range in the registry: the span of the examples.
    expect(page.locator("[data-field=tuition] [data-curve]")).to_contain_text("60,000")
    look(page, "try-what-if-levels")


def test_a_text_has_no_curve_and_the_page_says_why(page: Page, guards: list[Guards], five: Gateway) -> None:
    """A model of free texts asks for nothing."""
    open_try(page, five, "sentiment")
    expect(page.locator("[data-field=query] [data-curve]")).to_contain_text("No curve: a free text")
    assert batches(guards[0]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wrapped", "listed", "by_id"])
def test_every_shape_of_a_batch_is_understood(page: Page, guards: list[Guards], shapes: Gateway, name: str) -> None:
    """Lists, wrapped lists and answers by id give the same curves; whole numbers are asked at whole values only."""
    open_try(page, shapes, name)
    rows = table(page)
    assert [value for value, _ in rows["b"]] == ["-3", "-2", "-1", "0", "1", "2", "3"]
    assert [outcome for _, outcome in rows["b"]] == ["-0.5", "0.5", "1.5", "2.5", "3.5", "4.5", "5.5"]
    assert len(rows["kind"]) == 3
    assert len(batches(guards[0])) == 1


@pytest.mark.slow
def test_another_number_of_the_answer_can_be_drawn(page: Page, guards: list[Guards], shapes: Gateway) -> None:
    """An answer of several numbers has a choice, which asks for nothing again; numbers that are none leave gaps."""
    open_try(page, shapes, "wrapped")
    assert [outcome for _, outcome in table(page)["a"]][-3:] == ["no answer"] * 3
    page.get_by_label("Number to draw").focus()
    page.get_by_label("Number to draw").select_option(label="product")
    assert [outcome for _, outcome in table(page)["b"]] == ["-7.5", "-5", "-2.5", "0", "2.5", "5", "7.5"]
    expect(page.get_by_label("Number to draw")).to_be_focused()
    assert len(batches(guards[0])) == 1


@pytest.mark.slow
def test_limits_of_the_route_are_kept(page: Page, guards: list[Guards], shapes: Gateway) -> None:
    """One row at once is no curve, with the reason; thirty rows are one request of the inputs that fit, and more on demand."""
    open_try(page, shapes, "single")
    expect(page.locator("[data-field=a] [data-curve]")).to_contain_text("takes 1 row at once")
    assert batches(guards[0]) == []
    open_try(page, shapes, "few")
    expect(page.locator("[data-drawn]")).to_have_count(2)
    page.locator("#whatif-table summary").click()
    page.get_by_role("button", name="Curves of the next inputs").click()
    expect(page.locator("[data-field=kind] [data-drawn]")).to_be_visible()
    assert [len(rows) for rows in batches(guards[0])] == [28, 3]


@pytest.mark.slow
def test_twenty_four_inputs_at_once(page: Page, guards: list[Guards], shapes: Gateway) -> None:
    """Of thirty inputs twenty-four are asked for, the others by a button."""
    open_try(page, shapes, "wide")
    expect(page.locator("[data-drawn]")).to_have_count(24)
    expect(page.get_by_text("Curves of inputs 1 to 24 of 30: numbers and choices")).to_be_visible()
    page.locator("#whatif-table summary").click()
    page.get_by_role("button", name="Curves of the next inputs").click()
    expect(page.get_by_text("Curves of inputs 25 to 30 of 30: numbers and choices")).to_be_visible()
    expect(page.locator("[data-drawn]")).to_have_count(6)
    assert [len(rows) for rows in batches(guards[0])] == [24 * 21, 6 * 21]


@pytest.mark.slow
def test_an_overtaken_request_draws_nothing(page: Page, guards: list[Guards], shapes: Gateway) -> None:
    """Curves of values that are no longer in the form never appear, however late their answer comes."""
    held = []

    def hold(route: playwright.Route) -> None:
        held.append(route)

    page.route("**/wrapped?*_on_error=skip*", hold)
    page.goto(f"http://127.0.0.1:{shapes.port}/console/wrapped")
    serving.until(lambda: page.title() and held, what="the first request")
    page.unroute("**/wrapped?*_on_error=skip*")
    page.locator("[data-field=a] input[type=number]").fill("4")
    settled(page)
    expect(page.get_by_role("img", name="What if b:")).to_have_accessible_name("What if b: sum 1 to 7; now 5 at 1")
    assert len(batches(guards[0])) == 2
