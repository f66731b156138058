"""States of every page when what stands before the gateway answers, or nobody does; and how each page recovers by itself."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import serving
from console.asked import choose_by
from console.pictures import keep_state
from console.proxy import BAD_GATEWAY, Proxy, proxying
from console.seen import seen_well
from serving import Gateway

CODE = """
import time


def predict(x: float = 3.0, y: float = 1.0) -> float:
    return 2 * x + y
"""
ROWS = "x,y\n1,2\n3,4\n"
BUSY = (
    429,
    {"Content-Type": "text/html", "Retry-After": "3"},
    b"<html>slow down</html>",
)
#: As the gateway answers for a model that is on its way.
LOADING = (
    503,
    {"Content-Type": "application/problem+json", "Retry-After": "2"},
    json.dumps({
        "type": "urn:gateway:error:loading", "title": "Service Unavailable", "status": 503,
        "detail": "the model is still being loaded", "hint": "retry in a few seconds",
    }).encode(),
)  # fmt: skip
PAGES = {
    "index": "/",
    "try": "/console/double",
    "batch": "/console/double/batch",
    "model": "/console/double/model",
}


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve a model of two numbers, and one that takes a second to load at its first request."""
    folder = tmp_path_factory.mktemp("proxied")
    (folder / "model.py").write_text(CODE)
    (folder / "late.py").write_text("import time\n\ntime.sleep(2)\n" + CODE)
    text = (
        f"version: 1\nroutes:\n  /double: {{artifact: {folder}/model.py, golden: {folder}/golden.json}}\n"
        f"  /late: {{artifact: {folder}/late.py, load: lazy, trial: 'off'}}\n"
    )
    (folder / "golden.json").write_text(
        '{"version": 1, "instances": [{"x": 1, "y": 2}], "predictions": [{"value": 4.0}]}'
    )
    with serving.running(folder, cache, text, workers=1) as server:
        yield server


@pytest.fixture
def proxy(doubled: Gateway) -> Iterator[Proxy]:
    """Stand before that gateway."""
    with proxying(doubled.port) as proxy:
        yield proxy


@pytest.fixture
def allowed(expect_console_error: Callable[[str], None], page: Page) -> None:
    """Allow the lines that a browser writes about requests that failed."""
    expect_console_error(r"ERR_|status of (429|50\d)")


def opened(page: Page, proxy: Proxy, name: str) -> None:
    """Open a page and wait until it watches the gateway."""
    page.goto(proxy.origin + PAGES[name])
    expect(page.locator("body[data-watched]")).to_be_attached()


def choose(page: Page, file: Path) -> None:
    """Choose a file as a person does, perhaps the same one again."""
    choose_by(page, page.locator("input[type=file]").click, file)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("answer", [BAD_GATEWAY, Proxy.DROP], ids=["502", "dropped"])
def test_every_page_says_that_nobody_answers_and_goes_on(
    page: Page, proxy: Proxy, allowed: None, look: Callable[..., None], name: str, answer: Any
) -> None:
    """An idle page says so in the same words, counts down its tries, and takes the words away once somebody answers."""
    opened(page, proxy, name)
    proxy.fail(answer)
    state = page.locator("#state[data-kind=unreachable]")
    expect(state).to_contain_text("The gateway does not answer")
    expect(state.locator(".retry")).to_contain_text("tries again by itself")
    seen_well(page, look, f"{name}-unreachable")
    proxy.pass_on()
    expect(page.locator("#state")).to_be_hidden()


def test_a_page_whose_gateway_went_at_once_says_so(page: Page, five: Gateway, allowed: None) -> None:
    """Not even the script that watches the gateway came: the words that the page was served with stand in for it."""
    with proxying(five.port) as proxy:
        page.goto(f"{proxy.origin}/console/earnings")
        expect(page.locator("#value")).not_to_be_empty()
        before = page.locator("#value").text_content() or ""
        proxy.fail(BAD_GATEWAY)
        page.locator("[name=SAT_AVG_ALL]").fill("1500")
        expect(page.locator("#state[data-kind=unreachable]")).to_contain_text("The gateway does not answer")
        proxy.pass_on()
        expect(page.locator("#value")).not_to_have_text(before)
        expect(page.locator("#state")).to_be_hidden()
        page.goto("about:blank")  # before the proxy goes


@pytest.mark.slow
def test_a_proxy_that_limits_is_waited_for(page: Page, proxy: Proxy, allowed: None, look: Callable[..., None]) -> None:
    """A 429 in the words of a proxy is told as overload, for the seconds that it names; then the answer comes."""
    opened(page, proxy, "try")
    proxy.fail(BUSY, only="POST /double")
    page.locator("[data-field=x] input[type=number]").fill("10")
    state = page.locator("#state[data-kind=overloaded]")
    expect(state.locator(".retry")).to_contain_text("by itself in")
    seen_well(page, look, "try-429")
    proxy.pass_on()
    expect(page.locator("#value")).to_have_text("21")


@pytest.mark.slow
@pytest.mark.parametrize("answer", [BAD_GATEWAY, Proxy.DROP, BUSY], ids=["502", "dropped", "429"])
def test_a_check_is_made_again_by_itself(
    page: Page, proxy: Proxy, allowed: None, look: Callable[..., None], tmp_path: Path, answer: Any
) -> None:
    """A file that was chosen while nobody answered is checked once somebody does; nobody chooses it twice."""
    opened(page, proxy, "batch")
    proxy.fail(answer)
    (tmp_path / "rows.csv").write_text(ROWS)
    page.locator("input[type=file]").set_input_files(tmp_path / "rows.csv")
    expect(page.locator("#state .retry")).to_contain_text("tries again by itself")
    seen_well(page, look, f"batch-check-{page.locator('#state').get_attribute('data-kind')}")
    proxy.pass_on()
    expect(page.locator("#check h2")).to_contain_text("2 rows")
    expect(page.locator("#state")).to_be_hidden()


@pytest.mark.slow
def test_a_file_that_changed_or_was_refused_by_a_proxy_is_told(
    page: Page, proxy: Proxy, allowed: None, look: Callable[..., None], tmp_path: Path
) -> None:
    """A check that fails twice is not made for ever, and a file that changed on the disk is named as that."""
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    opened(page, proxy, "batch")
    proxy.fail(Proxy.DROP, only="POST /double")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator("#told")).to_contain_text("The gateway gave no answer to it, twice")
    seen_well(page, look, "batch-twice")
    made = proxy.asked.count("/double/check")
    page.wait_for_timeout(3_000)
    assert proxy.asked.count("/double/check") == made
    proxy.pass_on()
    choose(page, file)
    expect(page.locator("#check h2")).to_contain_text("2 rows")
    file.write_text(ROWS + "5,6\n")
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#told")).to_contain_text("The file has changed")
    seen_well(page, look, "batch-changed")
    choose(page, file)
    expect(page.locator("#check h2")).to_contain_text("3 rows")


@pytest.mark.slow
def test_a_proxy_that_refuses_an_upload_is_told(
    page: Page, proxy: Proxy, allowed: None, look: Callable[..., None], tmp_path: Path
) -> None:
    """Scoring is not begun again by itself: the page says what the answer was, and the file stays."""
    opened(page, proxy, "batch")
    (tmp_path / "rows.csv").write_text(ROWS)
    page.locator("input[type=file]").set_input_files(tmp_path / "rows.csv")
    expect(page.get_by_role("button", name="Score here")).to_be_enabled()
    proxy.fail(BAD_GATEWAY, only="POST /double")
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#told")).to_contain_text("The file was not scored")
    seen_well(page, look, "batch-upload-refused")
    proxy.pass_on()
    page.get_by_role("button", name="Score here").click()
    expect(page.locator("#summary")).to_be_visible()
    seen_well(page, look, "batch-summary")


@pytest.mark.slow
def test_golden_rows_are_asked_again(page: Page, proxy: Proxy, allowed: None, look: Callable[..., None]) -> None:
    """A model page whose rows met overload or nobody compares them later, without a hand."""
    proxy.fail(BUSY, only="POST /console")
    opened(page, proxy, "model")
    golden = page.locator("#golden-result")
    expect(golden).to_contain_text("asked again")
    seen_well(page, look, "model-golden-busy")
    proxy.pass_on()
    expect(golden).to_contain_text("answer")
    expect(golden).to_have_attribute("data-equal", "true")


@pytest.mark.slow
@pytest.mark.pictured
def test_a_model_that_loads_is_waited_for(page: Page, proxy: Proxy, allowed: None) -> None:
    """What the gateway answers while a worker loads its model: the page says so, and predicts once the model serves."""
    opened(page, proxy, "try")
    proxy.fail(LOADING, only="POST /double")
    before = len(proxy.asked)
    page.locator("[data-field=x] input[type=number]").fill("10")
    # The page looks again after 1, 2 and every 5 seconds: from the third on there is time for a picture.
    asked = "/double?_detail=true"
    serving.until(lambda: page.title() and proxy.asked[before:].count(asked) > 2, what="the third try")
    expect(page.locator("#state[data-kind=loading]")).to_contain_text("The model is loading")
    keep_state(page, "state-loading")
    proxy.pass_on()
    expect(page.locator("#value")).to_have_text("21")
    expect(page.locator("#state")).to_be_hidden()


@pytest.mark.slow
def test_a_lazy_route_is_waited_for(page: Page, proxy: Proxy, allowed: None, look: Callable[..., None]) -> None:
    """The first request loads the model: the page says that it waits, and has the answer without a hand."""
    page.goto(proxy.origin + "/console/late")
    expect(page.locator("#state")).to_be_visible()
    seen_well(page, look, "try-lazy")
    expect(page.locator("#value")).to_have_text("7")
    expect(page.locator("#state")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_hidden_tab_asks_nothing(page: Page, proxy: Proxy, allowed: None, name: str) -> None:
    """Neither heartbeat, figures nor retries run while nobody looks; a look brings the state of the moment."""
    opened(page, proxy, name)
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { get: () => window.isAway, configurable: true })
        window.isAway = true
        document.dispatchEvent(new Event('visibilitychange'))
    }""")
    page.wait_for_timeout(1_000)
    before = len(proxy.asked)
    page.wait_for_timeout(7_000)
    assert proxy.asked[before:] == []
    proxy.fail(BAD_GATEWAY)
    page.evaluate("() => { window.isAway = false; document.dispatchEvent(new Event('visibilitychange')) }")
    expect(page.locator("#state[data-kind=unreachable]")).to_be_visible()
