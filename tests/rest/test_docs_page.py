"""The page at /docs in a real browser: what a person clicks there is what a program would have got."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import browser
import serving
from browser import Browser
from serving import Gateway

pytestmark = pytest.mark.skipif(bool(browser.lacking()), reason=browser.lacking())

ANSWER = "pre.answer"


@pytest.fixture(scope="module", params=[1280, 400])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, five: Gateway) -> Iterator[Browser]:
    """Open /docs in a wide and in a narrow window; DOCS_PICTURES names a folder for pictures of it."""
    with browser.browsing(tmp_path_factory.mktemp("browser"), request.param) as window:
        window.go(f"http://127.0.0.1:{five.port}/docs")
        serving.until(lambda: window.text("#sentiment form"), what="the first form")
        yield window
        if folder := os.environ.get("DOCS_PICTURES"):
            window.picture(Path(folder) / f"docs-{request.param}.png")


def unfold(page: Browser, name: str) -> None:
    """Open the section of a route if it is not open."""
    if page.run("return document.querySelector(arguments[0]).ariaExpanded", f"#{name} > button") != "true":
        page.click(f"#{name} > button")
        serving.until(lambda: page.text(f"#{name} form"), what="the form")


def press(page: Browser, name: str) -> tuple[int, Any]:
    """Press Predict and return status and body as the page shows them."""
    page.run("document.querySelector(arguments[0]).textContent = ''", f"#{name} {ANSWER}")
    page.click(f"#{name} button.go")
    shown = serving.until(lambda: page.text(f"#{name} {ANSWER}"), what="the answer")
    return int(page.text(f"#{name} p.status").split()[0]), json.loads(shown)


@pytest.mark.parametrize("name", ["sentiment", "diabetes", "loan", "earnings", "insurance"])
def test_a_click_predicts(page: Browser, five: Gateway, name: str) -> None:
    """Every form is filled with a sample; one click shows the answer that the API gives to it."""
    route = next(one for one in five.get("/routes").json["routes"] if one["name"] == name)
    unfold(page, name)
    assert press(page, name) == (200, five.post(route["path"], route["sample"]).json)


def test_what_is_typed_is_sent(page: Browser, five: Gateway) -> None:
    """Text that a person types, quotes and all, reaches the model as it is."""
    unfold(page, "sentiment")
    text = 'a "wonderful", heart-warming masterpiece \\ isn\'t it?'
    page.write("#sentiment textarea", text)
    assert press(page, "sentiment") == (200, five.post("/sentiment", {"query": text}).json)


def test_the_command_shown_does_the_same(page: Browser) -> None:
    """The command line beside a form follows what is typed, and a shell that runs it gets the page's answer."""
    unfold(page, "sentiment")
    page.write("#sentiment textarea", "it's a 'dull' $HOME \\ film")
    command = page.text("#sentiment pre.command")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert press(page, "sentiment") == (200, json.loads(done.stdout))


def test_a_long_command_is_handed_over_as_a_file(page: Browser) -> None:
    """A command that would be too long for a shell holds its JSON in lines of its own, and does the same."""
    unfold(page, "sentiment")
    page.write("#sentiment textarea", "it's a 'dull' $HOME film, " * 100)
    command = page.text("#sentiment pre.command")
    assert command.endswith("\nEOF")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert press(page, "sentiment") == (200, json.loads(done.stdout))


def test_a_wrong_value_is_marked_where_it_stands(page: Browser) -> None:
    """A fault appears at its field and goes when the value is mended."""
    unfold(page, "diabetes")
    box, told = "#diabetes tr:nth-child(2) input", "#diabetes tr:nth-child(2) .fault"
    before = str(page.run("return document.querySelector(arguments[0]).value", box))
    page.write(box, "-5")
    status, body = press(page, "diabetes")
    assert (status, body["errors"][0]["field"]) == (400, "glucose")
    assert "-5 is below the minimum 0" in page.text(told)
    assert page.run("return document.querySelectorAll('[aria-invalid=true]').length") == 1
    page.write(box, before)
    assert press(page, "diabetes")[0] == 200
    assert page.text(told) == ""


def test_the_page_fits_and_asks_nobody_else(page: Browser, five: Gateway) -> None:
    """Nothing is wider than the window, every request went to this gateway, and the console is empty."""
    unfold(page, "earnings")
    width, window = page.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= window
    asked = page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked
    assert all(one.startswith(f"http://127.0.0.1:{five.port}/") for one in asked)
    # A refused value is a 400, which Chromium notes as a failed load; anything else would be ours.
    assert [line for line in page.complaints() if "status of 400" not in line and "favicon" not in line] == []
