"""The model page: card, signature, golden rows with their answers of now, figures, addresses; for every model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import serving
from console.accessibility import axe
from serving import Gateway

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROBE = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)>'{{7*7}}\u2028"
CARD = """---
license: mit
---
# Churn <img src=x onerror=alert(3)>

![beacon](http://tracker.example/pixel.png) [run](javascript:alert(4)) [site](https://example.org/)

| left | right |
|:-|-:|
| <script>alert(5)</script> | 1 |
"""


def page_url(server: Gateway, name: str) -> str:
    """Return the address of a model page."""
    return f"http://127.0.0.1:{server.port}/console/{name}/model"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve models of all sizes, one whose every text is a probe, and one that cannot be loaded."""
    folder = tmp_path_factory.mktemp("zoo")
    levels = [f"level {at}" for at in range(1_000)]
    odd: list[Any] = [{"name": PROBE, "type": "string", "enum": [PROBE, "b"], "description": PROBE, "unit": PROBE}]
    stubs = {
        "odd": {"inputs": odd, "output": {"kind": "classification", "labels": [PROBE, "x"]}},
        "wide": {"inputs": [f"column_{at}" for at in range(200)]},
        "levels": {"inputs": [{"name": "level", "type": "string", "enum": levels}, "number"], "answer": 1},
        "broken": {"load_raise": "the weights are gone"},
        "plain": {"inputs": ["a", "b"]},
    }
    routes = []
    for name, stub in stubs.items():
        (folder / name).mkdir()
        (folder / name / "m.stub").write_text(json.dumps(stub))
        routes.append(f"  /{name}: {{artifact: {folder}/{name}/m.stub, description: {json.dumps(PROBE)}}}")
    (folder / "odd" / "README.md").write_text(CARD)
    rows = [{"a": at, "b": 0.5} for at in range(60)]
    golden = {"version": 1, "instances": rows, "predictions": [{"value": at + 0.5} for at in range(60)]}
    (folder / "plain" / "golden.json").write_text(json.dumps(golden))
    text = "version: 1\nroutes:\n" + "\n".join(routes) + "\n"
    with serving.running(folder, cache, text, workers=1) as server:
        yield server


def test_everything_of_a_model_is_on_its_page(five: Gateway, page: "Page", look: Any) -> None:
    """Golden rows are asked again as the page opens; the card, the signature and the figures are there without."""
    from playwright.sync_api import expect

    page.goto(page_url(five, "diabetes"))
    expect(page.locator("#golden-result")).to_have_attribute("data-equal", "true")
    expect(page.locator("#golden-result")).to_contain_text("All 12 rows answer as published")
    assert page.locator("tr[data-row] .equal").all_text_contents() == ["✓ equal"] * 12
    first = page.locator('tr[data-row="0"]')
    assert (
        first.locator(".now .line").all_text_contents()
        == first.locator("td").nth(1).locator(".line").all_text_contents()
    )
    expect(page.locator(".markdown h2")).to_have_text("diabetes")
    expect(page.locator('[data-input="glucose"]')).to_contain_text("0 to 600")
    facts = page.locator(".model-side").inner_text()
    for text in ("models/diabetes/model.ubj", "proven equal", "/v2/models/diabetes/infer", "/diabetes/invocations"):
        assert text in facts
    bars = page.locator(".bar-table progress")
    page.reload()
    expect(page.locator("#golden-result")).to_have_attribute("data-equal", "true")
    box = bars.first.bounding_box()
    assert box is not None
    assert box["width"] > 20
    assert box["height"] > 4
    look(page, "model-light")
    axe(page)


@pytest.mark.slow
def test_the_page_is_whole_in_dark_and_on_a_phone(five: Gateway, open_page: Any, look: Any) -> None:
    """No sideways scrolling at 320 px, nothing that axe finds."""
    from playwright.sync_api import expect

    variants: dict[str, dict[str, Any]] = {
        "model-dark": {"color_scheme": "dark"},
        "model-phone": {"viewport": {"width": 320, "height": 800}},
    }
    for name, options in variants.items():
        page = open_page(**options)
        page.goto(page_url(five, "earnings"))
        expect(page.locator("#golden-result")).to_have_attribute("data-equal", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        look(page, name)
        axe(page)


def test_without_scripts_a_button_asks_the_golden_rows(five: Gateway, no_script_page: "Page") -> None:
    """A form posts, and the page that comes back holds the answers."""
    page = no_script_page
    page.goto(page_url(five, "loan"))
    assert page.locator("td.equal").all_text_contents() == ["—"] * 12
    page.get_by_role("button", name="Run now").click()
    assert page.locator("td.equal").all_text_contents() == ["✓ equal"] * 12
    assert "All 12 rows" in page.locator("#golden-result").inner_text()


def test_probes_in_every_text_are_inert(zoo: Gateway, page: "Page") -> None:
    """Names, levels, labels, descriptions and card are shown as they are; the guards see any script or request."""
    page.goto(page_url(zoo, "odd"))
    page.wait_for_load_state("networkidle")
    assert page.locator("main img, main script:not([type='application/json'])").count() == 0
    assert PROBE in (page.locator("[data-input]").get_attribute("data-input") or "")
    card = page.locator(".markdown").inner_text()
    assert "picture: beacon (http://tracker.example/pixel.png)" in card
    assert "[run](javascript:alert(4))" in card
    assert "license: mit" in (page.locator(".model-card details pre").text_content() or "")
    axe(page)


def test_many_inputs_and_many_levels_stay_usable(zoo: Gateway, page: "Page") -> None:
    """A box finds an input among 200; 1,000 levels are folded."""
    page.goto(page_url(zoo, "wide"))
    page.get_by_label("Find an input").fill("column_199")
    assert page.locator("#inputs > tr:visible").count() == 1
    assert "1 of 200" in page.locator("#found-inputs").inner_text()
    axe(page)
    page.goto(page_url(zoo, "levels"))
    folded = page.locator(".inputs-table details")
    assert folded.locator("summary").inner_text() == "one of 1,000 levels"
    assert not folded.locator(".levels").is_visible()
    folded.locator("summary").click()
    assert folded.locator(".levels code").count() == 1_000
    box = folded.locator(".levels").bounding_box()
    assert box is not None
    assert box["height"] <= 300


def test_a_model_that_cannot_be_loaded_says_why(zoo: Gateway, page: "Page") -> None:
    """Reason and fix are on the page, and it asks nothing."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.goto(page_url(zoo, "broken"))
    page.wait_for_load_state("networkidle")
    assert "the weights are gone" in page.locator("#state").inner_text()
    assert "This model has no card" in page.locator(".model-card").inner_text()
    assert "POST" not in asked
    axe(page)


def test_golden_rows_are_calls_of_their_route(zoo: Gateway) -> None:
    """They are counted, answer the first 50 rows as JSON to who asks, and a route without any says so."""
    answer = zoo.post("/console/plain/model", {}, {"Accept": "application/json"})
    body = answer.json
    assert (answer.status, body["equal"], len(body["rows"])) == (200, True, 50)
    assert body["rows"][3] == {"now": ["3.5"], "equal": True}
    assert zoo.get("/health?figures").status == 200
    shown = zoo.get("/console/plain/model", {"Accept": "text/html"}).body.decode()
    assert "The first 50 of 60 rows." in shown
    assert "50 rows predicted" in shown
    none = zoo.post("/console/wide/model", {}, {"Accept": "application/json"})
    assert (none.status, none.json["type"]) == (404, "urn:gateway:error:no-golden-rows")
    assert zoo.post("/console/nobody/model", {}, {"Accept": "application/json"}).status == 404
