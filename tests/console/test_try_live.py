"""The try page while somebody uses it: it predicts as one drags, keeps what does not fit, and passes on what it shows."""

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from console.asked import of_page, predictions, says, shown_json
from console.network import throttle
from console.test_snippets import run
from serving import Gateway, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from console.guards import Guards

#: Changes that a drag has to show, and milliseconds between predictions.
CHANGES, GAP_MS = 8, 100
ODD = 'it\'s "odd", $HOME `id` \\n \\ 100 %\nnew line 🙂 </script>'
LINKS = {
    "diabetes": "times_pregnant=1&glucose=&blood_pressure=70&skin_fold_thick=28&serum_insulin=135&mass_index=34.2&diabetes_pedigree=0.142&age=22",
    "loan": "age_group=Young&car_type=SUV&loanamount=12342&deposit=2360&area=rural",
    "earnings": "SAT_AVG_ALL=800&CREDDESC=Bachelors+Degree&CIPDESC_new=English+Language+and+Literature%2C+General.&CONTROL=Private%2C+nonprofit"
    "&REGION=1&tuition=15000&LOCALE=11&ADM_RATE_ALL=0.3",
    "sentiment": urlencode({"query": ODD}),
}
#: Predictions that the page asked for, without the batches of its curves: when each began and ended, in milliseconds.
_SENT = """url => performance.getEntriesByType('resource')
    .filter(one => one.initiatorType === 'fetch' && new URL(one.name).pathname === url)
    .filter(one => !one.name.includes('_on_error'))
    .map(one => [one.startTime, one.responseEnd])"""
_WATCH = """() => {
    window.shown = new Set();
    const note = () => window.shown.add(document.querySelector('#answer').textContent);
    new MutationObserver(note).observe(document.querySelector('#answer'), {subtree: true, childList: true, characterData: true});
}"""


def address(five: Gateway, name: str, rest: str = "") -> str:
    """Return the address of a try page."""
    return f"http://127.0.0.1:{five.port}/console/{name}{rest}"


def sent(page: "Page", path: str) -> list[list[float]]:
    """Return begin and end of every prediction that the page asked for, those of the curves aside."""
    found: list[list[float]] = page.evaluate(_SENT, path)
    return found


def open_live(page: "Page", url: str) -> None:
    """Open a try page and wait for its first prediction."""
    page.goto(url)
    expect(page.locator("#meta")).to_contain_text("ms")


def drag(page: "Page", field: str, changes: int) -> None:
    """Drag the slider of a field until the answer has changed often enough, and let go."""
    page.evaluate(_WATCH)
    slider = page.locator(f'[data-field="{field}"] [data-slider]')
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    assert box["width"] > 0
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    for step in range(1, 2_000):
        part = step / 100 % 2
        page.mouse.move(box["x"] + 8 + (box["width"] - 16) * (part if part <= 1 else 2 - part), y)
        if page.evaluate("window.shown.size") >= changes:
            break
    assert page.evaluate("window.shown.size") >= changes
    page.mouse.up()


def body(page: "Page") -> str:
    """Return what the page sends for the present inputs."""
    return str(of_page(page, "state.js", "body"))


def settles(page: "Page", five: Gateway, path: str) -> None:
    """Wait until the page shows the answer to what stands in its form."""

    def is_shown() -> bool:
        now = body(page)
        answer = five.request("POST", path, now.encode(), {"Content-Type": "application/json"}).json
        return bool(shown_json(page) == answer and body(page) == now)

    until(is_shown, what="the answer to the last inputs")
    expect(page.locator("#result")).not_to_have_attribute("data-stale", "")


@pytest.mark.parametrize("latency_ms", [0, pytest.param(400, marks=pytest.mark.slow)])
def test_a_dragged_slider_predicts_one_at_a_time_and_ends_with_the_last(
    page: "Page", five: Gateway, latency_ms: int
) -> None:
    open_live(page, address(five, "diabetes"))
    throttle(page, latency_ms=latency_ms)
    drag(page, "glucose", CHANGES if latency_ms == 0 else 2)
    settles(page, five, "/diabetes")
    asked = sent(page, "/diabetes")
    # A busy machine may send one later than it was meant to be, and never more than one for each 100 ms.
    assert (len(asked) - 2) * GAP_MS <= asked[-1][0] - asked[0][0]
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(asked)), "two predictions under way"


@pytest.mark.slow
@pytest.mark.parametrize("latency_ms", [0, 400])
def test_a_drag_of_two_seconds(page: "Page", five: Gateway, figures: "Callable[[str], None]", latency_ms: int) -> None:
    """Eight numbers or more are shown meanwhile, or as many as the latency has room for; then the last one."""
    open_live(page, address(five, "diabetes"))
    throttle(page, latency_ms=latency_ms)
    page.evaluate(_WATCH)
    box = page.locator('[data-field="glucose"] [data-slider]').bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    begun = time.monotonic()
    while (part := (time.monotonic() - begun) / 2) < 1:
        # Only where the model knows patients: above 200 its trees answer one number.
        page.mouse.move(box["x"] + 8 + (box["width"] - 16) * part / 3, y)
        page.wait_for_timeout(16)  # as often as a mouse tells
    shown = page.evaluate("window.shown.size")
    during = len(sent(page, "/diabetes"))
    page.mouse.up()
    settles(page, five, "/diabetes")
    asked = sent(page, "/diabetes")
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(asked)]
    figures(
        f"{latency_ms} ms latency: {shown} numbers in 2 s of {during} predictions, {len(asked)} in all, at least {min(gaps):.0f} ms apart"
    )
    assert shown >= (8 if latency_ms == 0 else 2)
    assert (len(asked) - 2) * GAP_MS <= asked[-1][0] - asked[0][0]
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(asked)), "two predictions under way"


def test_what_does_not_fit_is_marked_and_not_sent(page: "Page", guards: "list[Guards]", five: Gateway) -> None:
    open_live(page, address(five, "diabetes"))
    glucose = page.locator('[data-field="glucose"]')
    for text, told in (("900", "900 is above the maximum 600"), ("-1", "-1 is below the minimum 0")):
        page.get_by_label("glucose", exact=False).first.fill(text)
        expect(glucose.locator(".fault")).to_contain_text(told)
    expect(page.locator("#meta")).to_contain_text("for the inputs before")
    page.locator('[name="age"]').fill("")
    expect(page.locator('[data-field="age"] .fault')).to_have_text("age is required")
    page.locator('[name="age"]').press_sequentially("1e")
    expect(page.locator('[data-field="age"] .fault')).to_have_text("not a number for age")
    page.locator("#predict").click()
    expect(page.locator('[name="glucose"]')).to_be_focused()
    assert len(predictions(guards[0].requests)) == 1, "the one of the first form"
    page.locator('[name="age"]').fill("30")
    page.locator('[name="glucose"]').fill("1.50e2")
    settles(page, five, "/diabetes")
    assert '"glucose":1.50e2' in body(page)
    expect(glucose.locator(".fault")).to_be_hidden()
    expect(glucose.locator("[data-slider]")).to_have_value("150")


def test_missing_examples_reset_and_keys(page: "Page", five: Gateway) -> None:
    open_live(page, address(five, "diabetes"))
    glucose = page.locator('[data-field="glucose"]')
    glucose.get_by_role("checkbox", name="missing").check()
    settles(page, five, "/diabetes")
    assert '"glucose":null' in body(page)
    expect(page.locator('[name="glucose"]')).to_have_value("")
    glucose.get_by_role("checkbox", name="missing").uncheck()
    expect(page.locator('[name="glucose"]')).to_have_value("106")
    glucose.locator("[data-slider]").focus()
    page.keyboard.press("ArrowRight")
    settles(page, five, "/diabetes")
    moved = page.locator('[name="glucose"]').input_value()
    assert float(moved) > 106
    page.locator("#form [type=reset]").click()
    expect(page.locator('[name="glucose"]')).to_have_value("106")
    page.locator('[name="age"]').fill("99")
    page.locator("[data-example]").first.click()
    expect(page.locator('[name="age"]')).to_have_value("22")
    settles(page, five, "/diabetes")
    expect(page.locator("#announce")).to_have_text(re.compile("Prediction: no 9.*%"))


def test_the_address_keeps_the_inputs_and_marks_what_does_not_fit(
    page: "Page", guards: "list[Guards]", five: Gateway
) -> None:
    page.goto(address(five, "loan", "#age_group=Mars&loanamount=-5&deposit=0x10&nope=1"))
    for name, text, told in (
        ("age_group", "Mars", "'Mars' is not a valid choice"),
        ("loanamount", "-5", "-5 is below the minimum 0"),
        ("deposit", "0x10", "'0x10' is not a number"),
    ):
        expect(page.locator(f'[name="{name}"]')).to_have_value(text)
        expect(page.locator(f'[data-field="{name}"] .fault')).to_contain_text(told)
    expect(page.locator("#strangers")).to_contain_text("nope")
    assert predictions(guards[0].requests) == []
    page.locator('[name="age_group"]').select_option("Older")
    page.locator('[name="loanamount"]').fill("5000")
    page.locator('[name="deposit"]').fill("4000")
    settles(page, five, "/loan")
    expect(page).to_have_url(re.compile("#age_group=Older&car_type=.*&loanamount=5000&deposit=4000&"))
    shown = shown_json(page)
    page.reload()
    until(lambda: shown_json(page) == shown, what="the same answer")
    page.goto(address(five, "loan", "#age_group=Young"))
    expect(page.locator('[name="age_group"]')).to_have_value("Young")
    page.go_back()
    until(lambda: shown_json(page) == shown, what="the answer of the page before")


def test_a_copied_link_needs_no_script(page: "Page", no_script_page: "Page", five: Gateway) -> None:
    open_live(page, address(five, "sentiment"))
    page.locator("textarea").fill(ODD)
    settles(page, five, "/sentiment")
    says(page.locator("#copy-link"), page.locator("#copy-link").click, "Copied")
    page.locator("textarea").fill("")
    page.locator("textarea").press("Control+V")
    expect(page.locator("textarea")).to_have_value(re.compile("^http"))
    no_script_page.goto(page.locator("textarea").input_value())
    assert no_script_page.locator("textarea").input_value() == ODD
    assert shown_json(no_script_page) == five.post("/sentiment", {"query": ODD}).json


@pytest.mark.parametrize(
    "name", ["diabetes", *(pytest.param(one, marks=pytest.mark.slow) for one in ("earnings", "loan", "sentiment"))]
)
def test_server_and_script_draw_one_page(
    name: str, page: "Page", no_script_page: "Page", guards: "list[Guards]", five: Gateway
) -> None:
    no_script_page.goto(address(five, name, f"?{LINKS[name]}"))
    page.goto(address(five, name, f"#{LINKS[name]}"))
    settles(page, five, f"/{name}")
    for part in ("#answer", "#json", "#same-request"):
        assert _plain(page.locator(part).inner_html()) == _plain(no_script_page.locator(part).inner_html())
    before = len(predictions(guards[0].requests))
    page.goto(address(five, name, f"?{LINKS[name]}"))
    expect(page.locator("body[data-whatif=new], body[data-whatif=none]")).to_be_attached()
    assert len(predictions(guards[0].requests)) == before, "what the server has drawn is not asked again"


def _plain(text: str) -> str:
    """Return HTML without what scripts unhide, and without blanks between elements."""
    return re.sub(r">\s+|\s+<", lambda found: found[0].strip(), text.replace(' hidden=""', ""))


def test_snippets_answer_what_the_page_shows(page: "Page", five: Gateway, tmp_path: "Path") -> None:
    open_live(page, address(five, "sentiment"))
    page.locator("textarea").fill(ODD)
    settles(page, five, "/sentiment")
    for language in ("curl", "python", "javascript"):
        page.locator(f'label[for="as-{language}"]').click()
        block = page.locator(f'[data-language="{language}"]')
        expect(block).to_be_visible()
        button = page.locator(f'[data-copy="{language}"]')
        says(button, button.click, "Copied")
        assert run(language, [block.text_content() or ""], tmp_path) == [shown_json(page)]


def test_faults_of_the_server_stand_at_their_fields(
    page: "Page", five: Gateway, expect_console_error: "Callable[[str], None]"
) -> None:
    expect_console_error("400 .*sentiment")
    open_live(page, address(five, "sentiment"))
    page.locator("textarea").fill("nothing \0 here")
    expect(page.locator('[data-field="query"] .fault')).to_contain_text("NUL")
    expect(page.locator("textarea")).to_have_attribute("aria-invalid", "true")
