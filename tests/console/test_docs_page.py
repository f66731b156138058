"""The page at /docs in a real browser: the reference of every route, and the way to its pages."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console.conftest import OpenPage
from rest.one_worker import Worker, environ_of
from serving import Gateway

WIDE, NARROW = 1280, 390


@pytest.fixture(params=[WIDE])
def docs(request: pytest.FixtureRequest, open_page: OpenPage, five: Gateway, look: Callable[..., None]) -> Page:
    """Open /docs in a wide and in a narrow window."""
    page = open_page(viewport={"width": request.param, "height": 900})
    page.goto(f"http://127.0.0.1:{five.port}/docs")
    expect(page.locator("#sentiment table")).to_be_visible()
    look(page, f"docs-{request.param}")
    return page


def unfold(page: Page, name: str) -> None:
    """Open the section of a route if it is not open."""
    fold = page.locator(f"#{name} > button")
    if fold.get_attribute("aria-expanded") != "true":
        fold.click()
    expect(page.locator(f"#{name} table")).to_be_visible()


@pytest.mark.parametrize("docs", [WIDE, NARROW], indirect=True)
def test_every_input_has_its_rules(docs: Page, five: Gateway) -> None:
    """Each route lists its inputs in their order, fits into the window, and shows the command that the catalog has."""
    for route in five.get("/routes").json["routes"]:
        unfold(docs, route["name"])
        names = docs.locator(f"#{route['name']} tr b").all_inner_texts()
        assert names == [name for name, rules in route["inputs"]["properties"].items() if not rules.get("x-dropped")]
        assert docs.locator(f"#{route['name']} pre.command").inner_text() == route["curl"]
        assert docs.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "0 means missing" in docs.locator("#diabetes tr:nth-child(2)").inner_text()


def test_each_route_says_whether_it_is_explained(docs: Page, five: Gateway) -> None:
    """The page tells how to ask for an explanation and what counts most; the option that it shows is understood."""
    unfold(docs, "diabetes")
    told = docs.locator("#diabetes h2:text-is('Explanation') + p")
    expect(told).to_contain_text("log-odds")
    expect(told).to_contain_text("Most counts: glucose")
    asked = told.locator("code").inner_text()
    five.load_explainers("diabetes")
    assert "contributions" in five.post(asked, five.get("/diabetes/schema?sample").json).json["explanation"]


def test_limits_of_callers_are_shown(open_page: OpenPage, five: Gateway) -> None:
    """What one caller may use stands with each route, and beside the routes; here it is none until the catalog says."""
    catalog = five.get("/routes").json
    page = open_page()
    page.goto(f"http://127.0.0.1:{five.port}/docs")
    unfold(page, "diabetes")
    expect(page.locator("body")).not_to_contain_text("one caller")
    (diabetes,) = (one for one in catalog["routes"] if one["name"] == "diabetes")
    diabetes["limits"] |= {"requests": "20/s", "daily": 1_000_000}
    page.route("**/routes", lambda route: route.fulfill(json=catalog | {"limits": {"requests": "9/s", "burst": 200}}))
    page.reload()
    unfold(page, "diabetes")
    expect(page.locator("#intro")).to_contain_text("one caller: requests 9/s, burst 200 beside the routes")
    expect(page.locator("#diabetes")).to_contain_text("waiting · one caller: requests 20/s, daily 1,000,000")


def test_the_command_shown_predicts(docs: Page, five: Gateway) -> None:
    """A shell that runs the command of a route gets an answer."""
    unfold(docs, "earnings")
    command = docs.locator("#earnings pre.command").inner_text()
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    route = next(one for one in five.get("/routes").json["routes"] if one["name"] == "earnings")
    assert json.loads(done.stdout) == five.post("/earnings", route["sample"]).json


def test_each_route_links_to_its_pages(docs: Page) -> None:
    """Try, batch and model page are one click away; the page itself has no form."""
    unfold(docs, "loan")
    links = docs.locator("#loan nav.pages a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links == ["/console/loan", "/console/loan/batch", "/console/loan/model"]
    assert docs.locator("form, input, textarea").count() == 0
    docs.click("#loan nav.pages a >> nth=0")
    expect(docs.locator("#form")).to_be_visible()


def test_without_the_console_nothing_leads_there(tmp_path: Path) -> None:
    """The page knows whether the console is on, and its policy allows neither inline code nor any other host."""
    for console, word in (("true", b"on"), ("false", b"off")):
        text = f"version: 1\nserver: {{console: {console}}}\nroutes: {{/sum: {{artifact: sum.stub.json}}}}\n"
        answer = Worker(tmp_path, text).ask(environ_of("GET", "/docs"))
        assert b'data-console="%s"' % word in answer.body
        policy = dict(answer.headers)["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; connect-src 'self'; img-src data:;")
