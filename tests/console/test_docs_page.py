"""The page at /docs in a real browser: what a person clicks there is what a program would have got."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.conftest import OpenPage
from serving import Gateway

TEXT = 'a "wonderful", heart-warming masterpiece \\ isn\'t it?'


@pytest.fixture(params=[1280, 390])
def docs(request: pytest.FixtureRequest, open_page: OpenPage, five: Gateway, look: Callable[..., None]) -> Page:
    """Open /docs in a wide and in a narrow window."""
    page = open_page(viewport={"width": request.param, "height": 900})
    page.goto(f"http://127.0.0.1:{five.port}/docs")
    expect(page.locator("#sentiment form")).to_be_visible()
    look(page, f"docs-{request.param}")
    return page


def unfold(page: Page, name: str) -> None:
    """Open the section of a route if it is not open."""
    fold = page.locator(f"#{name} > button")
    if fold.get_attribute("aria-expanded") != "true":
        fold.click()
    expect(page.locator(f"#{name} form")).to_be_visible()


def press(page: Page, name: str) -> tuple[int, Any]:
    """Press Predict and return status and body as the page shows them."""
    answer = page.locator(f"#{name} pre.answer")
    answer.evaluate("element => { element.textContent = '' }")
    page.click(f"#{name} button.go")
    expect(answer).not_to_be_empty()
    return int(page.locator(f"#{name} p.status").inner_text().split()[0]), json.loads(answer.inner_text())


def test_a_click_predicts(docs: Page, five: Gateway) -> None:
    """Every form is filled with a sample; one click shows the answer that the API gives to it."""
    for route in five.get("/routes").json["routes"]:
        unfold(docs, route["name"])
        assert press(docs, route["name"]) == (200, five.post(route["path"], route["sample"]).json)


def test_what_is_typed_is_sent(docs: Page, five: Gateway) -> None:
    """Text that a person types, quotes and all, reaches the model as it is, and the command shown does the same."""
    unfold(docs, "sentiment")
    for text in (TEXT, "it's a 'dull' $HOME film, " * 100):  # the longer one is handed over in lines of its own
        docs.fill("#sentiment textarea", text)
        command = docs.locator("#sentiment pre.command").inner_text()
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
        expected = five.post("/sentiment", {"query": text}).json
        assert (press(docs, "sentiment"), json.loads(done.stdout)) == ((200, expected), expected)


def test_a_wrong_value_is_marked_where_it_stands(docs: Page, expect_console_error: Callable[[str], None]) -> None:
    """A fault appears at its field and goes when the value is mended."""
    expect_console_error("status of 400 .*/diabetes$")
    unfold(docs, "diabetes")
    row = docs.locator("#diabetes tr:nth-child(2)")
    before = row.locator("input").input_value()
    row.locator("input").fill("-5")
    status, body = press(docs, "diabetes")
    assert (status, body["errors"][0]["field"]) == (400, "glucose")
    expect(row.locator(".fault")).to_contain_text("-5 is below the minimum 0")
    assert docs.locator("[aria-invalid=true]").count() == 1
    row.locator("input").fill(before)
    assert press(docs, "diabetes")[0] == 200
    expect(row.locator(".fault")).to_have_text("")


def test_the_page_fits(docs: Page) -> None:
    """Nothing is wider than the window; that nobody else is asked is held for every page."""
    unfold(docs, "earnings")
    assert docs.evaluate("document.documentElement.scrollWidth <= innerWidth")
