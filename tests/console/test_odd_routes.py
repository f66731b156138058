"""Models that no page was made for: one more line, two hundred inputs, a thousand levels, no ranges, odd paths."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect

import serving
from console.accessibility import axe
from console.asked import predicted_by, shown_json
from console.guards import Guards
from console.visiting import addresses, cost, too_wide, visit
from serving import Gateway

REGRESSION = {"kind": "regression"}
LEVELS = [f"level {number:04}" for number in range(1000)]
TEXT = "A long text, with 'quotes'. " * 720  # 20,160 characters
NUMBER = {"minimum": 0, "maximum": 10, "examples": [1.5]}
#: What a form of HTML has under these names, and what the script of the page asks of it.
CLOBBERING = [
    "querySelectorAll",
    "addEventListener",
    "prepend",
    "elements",
    "submit",
    "action",
    "instances",
    "__proto__",
]
#: Route -> its stub; each is one line of the registry.
MODELS: dict[str, dict[str, Any]] = {
    "one-more": {"inputs": [{"name": "size", "minimum": 0, "maximum": 9}], "output": REGRESSION},
    "wide": {
        "inputs": [{"name": f"x{i:03}", "minimum": -1, "maximum": 1, "examples": [0.5]} for i in range(200)],
        "output": REGRESSION,
    },
    "levels": {
        "inputs": [{"name": "place", "type": "string", "enum": LEVELS}],
        "output": {"kind": "classification", "labels": LEVELS, "has_probabilities": True},
    },
    "text": {"inputs": [{"name": "query", "type": "string"}], "output": {"kind": "json"}},
    "plain": {"inputs": ["a", "b", {"name": "c", "type": "string"}], "output": REGRESSION},
    "a": {"inputs": ["a"], "output": REGRESSION},
    "a/batch": {"inputs": ["of_the_batch"], "output": REGRESSION},
    "lists": {"inputs": ["a"], "output": {"kind": "multi_output", "names": ["low", "high"]}, "answer": [1, 2]},
    "clobbering": {"inputs": [{"name": name, **NUMBER} for name in CLOBBERING], "output": REGRESSION},
    "keyed": {"inputs": [{"name": "a", **NUMBER}, {"name": "key", "type": "string", "examples": ["k"]}]},
    "constant": {"inputs": [{"name": "a", **NUMBER}], "output": REGRESSION, "answer": 1e30},
}
#: Those of which only `make soak` asks.
RARE = ("levels", "text", "plain", "lists")
#: Route -> further keys of its entry.
ENTRIES: dict[str, dict[str, Any]] = {"keyed": {"batch": "by_id", "id": {"field": "key"}}}


def lay_out(folder: Path, names: Iterable[str]) -> str:
    """Write the stubs of some routes and return their registry."""
    routes = {}
    for number, path in enumerate(names):
        model = MODELS[path]
        (folder / f"{number}.stub").write_text(json.dumps(model))
        routes[f"/{path}"] = {"artifact": f"{number}.stub", **ENTRIES.get(path, {})}
    return yaml.safe_dump({"version": 1, "routes": routes}, sort_keys=False)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve them, the rare ones aside."""
    folder = tmp_path_factory.mktemp("odd")
    names = [name for name in MODELS if name not in RARE]
    with serving.running(folder, cache, lay_out(folder, names), workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the rare ones."""
    folder = tmp_path_factory.mktemp("rare")
    with serving.running(folder, cache, lay_out(folder, RARE), workers=1) as server:
        yield server


@pytest.fixture
def origin(odd: Gateway) -> str:
    """Return where they are served."""
    return f"http://127.0.0.1:{odd.port}"


@pytest.mark.parametrize(
    "name",
    [
        "wide",
        pytest.param("one-more", marks=pytest.mark.slow),
        *(pytest.param(name, marks=pytest.mark.slow) for name in RARE),
    ],
)
def test_any_model_can_be_tried(
    page: Page,
    guards: list[Guards],
    figures: Callable[[str], None],
    look: Callable[..., None],
    request: pytest.FixtureRequest,
    name: str,
) -> None:
    """The form takes values and answers what the route answers; axe is content, and nothing is too wide."""
    server: Gateway = request.getfixturevalue("rare" if name in RARE else "odd")
    visit(page, f"http://127.0.0.1:{server.port}/console/{name}")
    spent = cost(guards[0].requests)
    assert spent.requests <= 17, str(spent)
    assert spent.size <= 60_000, str(spent)
    for one, value in {"levels": LEVELS[777], "text": TEXT[:-1], "plain": "1"}.items():
        if one == name:
            box = page.locator("#form [name]").first
            box.select_option(value) if name == "levels" else box.fill(value)
    if name == "plain":
        page.locator("[name=b]").fill("2.5")
        page.locator("[name=c]").fill("three")
        expect(page.locator("main")).to_contain_text("no input of this model has a known range")
    sent = predicted_by(page, page.locator("#predict").click)
    assert sent
    assert shown_json(page) == server.post(f"/{name}", sent).json
    nodes = page.evaluate("document.querySelectorAll('*').length")
    figures(f"{name}: {spent.requests} requests, {spent.size} bytes, {nodes} elements")
    look(page, f"odd-{name}")
    axe(page)
    assert too_wide(page, [320, 1280]) == []


def test_a_line_of_the_registry_brings_every_page(page: Page, odd: Gateway, origin: str) -> None:
    """A sixth model has its card on the index, its form, its batch page and its model page, without code."""
    for label, address in addresses(origin, ["one-more"]).items():
        assert visit(page, address).status == 200, label
        assert "/one-more" in page.locator("main").inner_text()
    assert odd.get("/console/one-less").status == 404


def test_a_route_below_another_has_pages_of_its_own(page: Page, origin: str) -> None:
    """The batch page of /a and the try page of /a/batch are two pages, reached from the index by their links."""
    page.goto(f"{origin}/console/a/batch")
    expect(page.locator("h1")).to_contain_text("/a ")
    expect(page.locator("body")).to_have_attribute("data-page", "batch")
    page.goto(f"{origin}/")
    page.locator("main a", has_text="/a/batch").first.click()
    expect(page.locator("h1")).to_contain_text("/a/batch")
    expect(page.locator("body")).to_have_attribute("data-page", "try")
    expect(page.locator("[name=of_the_batch]")).to_be_visible()


def test_names_of_the_browsers_own_do_not_stop_the_script(page: Page, origin: str) -> None:
    """Inputs shadow what a form has under their names; the page still predicts, draws curves, restores and resets."""
    visit(page, f"{origin}/console/clobbering#prepend=7&nobody=1")
    expect(page.locator("#value")).to_have_text("17.5")
    expect(page.locator("#strangers")).to_contain_text("nobody")
    expect(page.locator("body")).to_have_attribute("data-whatif", "new")
    expect(page.locator(".curve svg")).to_have_count(len(CLOBBERING))
    # Playwright itself stumbles over a form whose names are such.
    page.evaluate("document.querySelector('#form [type=reset]').click()")
    expect(page.locator("#value")).to_have_text("12")


def test_curves_where_there_can_be_none_and_of_one_huge_number(page: Page, origin: str) -> None:
    """A route that answers by an id among its inputs says why it has no curves; 1e30 is drawn, for 1e30 ± 1 is 1e30."""
    visit(page, f"{origin}/console/keyed")
    expect(page.locator("#whatif-table")).to_contain_text("the id of a row is an input")
    visit(page, f"{origin}/console/constant")
    expect(page.locator("body")).to_have_attribute("data-whatif", "new")
    expect(page.locator(".curve svg")).to_have_count(1)


@pytest.mark.slow
def test_a_registry_of_a_thousand_routes_has_an_index(
    page: Page,
    guards: list[Guards],
    gateway: Callable[..., Gateway],
    figures: Callable[[str], None],
    look: Callable[..., None],
    tmp_path: Path,
) -> None:
    """A thousand models: the index keeps its budget, a search finds one of them."""
    (tmp_path / "m.stub").write_text(json.dumps(MODELS["one-more"]))
    routes = {f"/group-{i % 10}/model-{i:04}": f"{tmp_path}/m.stub" for i in range(1000)}
    server = gateway(yaml.safe_dump({"version": 1, "routes": routes}, sort_keys=False), workers=1)
    visit(page, f"http://127.0.0.1:{server.port}/")
    spent = cost(guards[0].requests)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    figures(f"a thousand routes: {spent.requests} requests, {spent.size} bytes, {nodes} elements")
    assert spent.requests <= 17, str(spent)
    page.locator("input[type=search]").fill("model-0777")
    expect(page.locator("main a", has_text="model-0777").first).to_be_visible()
    expect(page.locator("main a", has_text="model-0001")).to_have_count(0)
    look(page, "thousand-routes")
    axe(page)
