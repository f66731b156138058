"""The plot beside an answer: bars as high as the counts, by Plotly or without it, with and without a script."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from console.accessibility import axe
from console.conftest import OpenPage
from console.guards import Guards
from console.visiting import cost, shift, visit
from serving import ROOT, Gateway, until

COUNTS = json.loads((ROOT / "models" / "earnings" / "histogram.json").read_text(encoding="utf-8"))
ENGLISH = "English Language and Literature, General."
SENT = {
    "sat": "800", "cred": "Bachelors Degree", "cip": ENGLISH, "coltype": "Private, nonprofit", "region": "1",
    "tuit": "15000", "locale": "11", "adm": "0.3",
}  # fmt: skip


def percents(cred: str, cip: str) -> list[list[tuple[int, float]]]:
    """Return the bins of both histograms with their percent of the rows."""
    found = []
    for series, levels in zip(COUNTS["series"], ([cred], [cred, cip]), strict=True):
        bins: list[list[int]] = next((group["bins"] for group in series["groups"] if group["of"] == levels), [])
        rows = sum(count for _, count in bins)
        found.append([(one, 100 * count / rows) for one, count in bins])
    return found


def address(five: Gateway, path: str = "/console/earnings", **changes: str) -> str:
    """Return the link of these inputs."""
    return f"http://127.0.0.1:{five.port}{path}?{urlencode(SENT | changes)}"


def heights(page: Page, at: int) -> list[float]:
    """Return the heights of the bars that Plotly drew for a series."""
    script = "(at) => [...document.querySelectorAll('#plot-area .bars')[at].querySelectorAll('path')].map(e => e.getBBox().height)"
    found: list[float] = page.evaluate(script, at)
    return found


def is_like(found: list[float], wanted: list[float]) -> bool:
    """Say whether heights are in the proportions of the numbers; the least bar is drawn 2 pixels high, to be seen."""
    scale = max(found) / max(wanted)
    room = max(2, 0.02 * max(found))
    return len(found) == len(wanted) and all(
        high == pytest.approx(one * scale, abs=room) for high, one in zip(found, wanted, strict=True)
    )


def drawn(page: Page, five: Gateway, **changes: str) -> None:
    """Open the page and wait for Plotly."""
    page.goto(address(five, **changes))
    expect(page.locator("#plot-area .bars path").first).to_be_visible()


def test_plotly_draws_what_was_counted(page: Page, five: Gateway, look: Callable[..., None]) -> None:
    """Bars are as high as the counts, inside the window, with the line and the text of the prediction."""
    drawn(page, five)
    page.locator("#plot").scroll_into_view_if_needed()
    box, size = page.locator("#plot-area .main-svg").first.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert box["width"] > 300
    assert box["height"] > 300
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    for at, bins in enumerate(percents("Bachelors Degree", ENGLISH)):
        assert is_like(heights(page, at), [percent for _, percent in bins])
    expect(page.locator("#plot-area .annotation-text")).to_have_text(re.compile(r"^Predicted: \$24,300\.8\d$"))
    expect(page.locator("#plot-area .shapelayer path")).to_have_count(1)
    expect(page.locator("#plot figcaption")).to_contain_text("Median Earnings, Bachelors Degree")
    expect(page.locator("#plot .key[data-series]")).to_have_text(["All Fields (2,030 rows)", f"{ENGLISH} (44 rows)"])
    expect(page.locator("#plot-area .legendtext")).to_have_count(0)  # a second legend would be one too many
    look(page, "plot-light")


def test_the_plot_follows_the_inputs(page: Page, five: Gateway) -> None:
    """Another credential and another field are other counts; a slider moves the line."""
    drawn(page, five)
    line = page.locator("#plot-area .annotation-text")
    before = line.text_content() or ""
    page.locator("[name=CREDDESC]").select_option("Master's Degree")
    page.locator("[name=CIPDESC_new]").select_option("Economics.")
    expect(page.locator("#plot figcaption")).to_contain_text("Master's Degree")
    expect(page.locator("#plot .key[data-series='1']")).to_contain_text("Economics.")
    for at, bins in enumerate(percents("Master's Degree", "Economics.")):
        until(
            lambda at=at, bins=bins: is_like(heights(page, at), [percent for _, percent in bins]), what="the new bars"
        )
    expect(line).not_to_have_text(before)
    now = line.text_content() or ""
    page.locator("[name=SAT_AVG_ALL]").fill("1200")
    expect(line).not_to_have_text(now)


def test_hover_shows_a_value_and_export_saves_a_picture(page: Page, five: Gateway, tmp_path: Path) -> None:
    """A pointer on a bar tells its bounds, percent and rows; the camera saves a PNG; no button sends the figure away."""
    drawn(page, five)
    page.locator("#plot").scroll_into_view_if_needed()
    bins = percents("Bachelors Degree", ENGLISH)[0]
    highest = max(range(len(bins)), key=lambda at: bins[at][1])
    box = page.locator("#plot-area .bars").first.locator("path").nth(highest).bounding_box()
    assert box is not None

    def told() -> str:
        # Plotly drops a move that comes while it still draws: a person's pointer moves on.
        for aside in (0, 1):
            page.mouse.move(box["x"] + box["width"] / 2 + aside, box["y"] + box["height"] / 2)
        return page.locator("#plot-area .hoverlayer").text_content() or ""

    until(lambda: re.search(r"% · \d+ rows", told()), what="the value of a bar")
    assert page.locator("[data-title*=loud], [data-title*=Studio]").count() == 0
    with page.expect_download() as download:
        page.locator(".modebar-btn[data-title*=PNG]").click()
    path = tmp_path / "plot.png"
    download.value.save_as(path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert path.stat().st_size > 5_000


def test_other_types_than_bars_are_refused(page: Page, five: Gateway) -> None:
    """The basic bundle draws a histogram as something else: our module says no before."""
    drawn(page, five)
    told = page.evaluate(
        """async url => {
            const { refuseOthers } = await import(url);
            refuseOthers([{ type: 'bar' }]);
            return ['histogram', 'scatter', undefined].map(type => {
                try { refuseOthers([{ type: 'bar' }, { type }]); return 'drawn'; } catch (error) { return error.message; }
            });
        }""",
        page.evaluate("document.querySelector('script[type=module]').src.replace(/[^/]+$/, 'bars_plotly.js')"),
    )
    assert [text for text in told if "cannot be drawn: only bar" not in text] == []


@pytest.mark.slow
def test_a_page_with_a_plot_keeps_its_budget(page: Page, guards: list[Guards], five: Gateway) -> None:
    """Plotly, its rules and the counts fit into 500 KB as sent, and the page does not move when they come."""
    visit(page, address(five))
    spent = cost(guards[0].requests)
    assert spent.size <= 500_000, str(spent)
    assert "plotly-basic.min.js" in str(spent)
    assert shift(page) <= 0.02


@pytest.mark.slow
def test_without_plotly_the_same_bars_are_svg(
    page: Page, five: Gateway, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """A bundle that does not come costs its comfort alone."""
    expect_console_error("plotly-basic")
    page.route("**/plotly-basic.min.js", lambda route: route.abort())
    visit(page, address(five))
    page.locator("[name=CREDDESC]").select_option("Master's Degree")
    expect(page.locator("#plot figcaption")).to_contain_text("Master's Degree")
    is_svg_of(page, percents("Master's Degree", ENGLISH))
    axe(page)
    look(page, "plot-svg")


def test_without_a_script_the_server_draws(open_page: OpenPage, five: Gateway, look: Callable[..., None]) -> None:
    """The page of a link holds bars, line and the table of numbers."""
    page = open_page(java_script_enabled=False)
    page.goto(address(five))
    is_svg_of(page, percents("Bachelors Degree", ENGLISH))
    expect(page.locator("#plot text.predicted")).to_contain_text("Predicted: $24,300.8")
    page.locator("#plot-numbers summary").click()
    bins = {one for series in percents("Bachelors Degree", ENGLISH) for one, _ in series}
    expect(page.locator("#plot-numbers tbody tr")).to_have_count(len(bins))
    expect(page.locator("#plot-numbers tbody th").first).to_have_text("7,000 to 8,000")
    look(page, "plot-no-script")


def is_svg_of(page: Page, wanted: list[list[tuple[int, float]]]) -> None:
    """Fail where the bars of our own SVG are others, or not to be seen."""
    page.locator(".plot-svg").scroll_into_view_if_needed()
    box = page.locator(".plot-svg").bounding_box()
    assert box is not None
    assert box["width"] > 300
    for at, bins in enumerate(wanted):
        rects = page.locator(f".plot-svg rect[data-series='{at}']").all()
        found = [float(rect.get_attribute("height") or 0) for rect in rects]
        assert is_like(found, [percent for _, percent in bins])


@pytest.mark.slow
def test_on_a_phone_the_plot_is_narrow_and_has_no_buttons(
    phone_page: Page, five: Gateway, look: Callable[..., None]
) -> None:
    """The caption is the legend, nothing covers the bars, and nothing scrolls sideways."""
    drawn(phone_page, five)
    assert phone_page.locator(".modebar-btn").count() == 0
    assert phone_page.locator("#plot-area .legendtext").count() == 0
    assert phone_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    look(phone_page, "plot-phone")


PROBES: Mapping[str, Any] = {
    "</script><script>document.title='pwned'</script>": "script",
    '"><img src=x onerror="document.title=\'pwned\'">': "image",
    "javascript:document.title='pwned'": "address",
}


@pytest.mark.parametrize(
    "probe",
    [
        pytest.param(probe, id=kind, marks=() if kind == "script" else pytest.mark.slow)
        for probe, kind in PROBES.items()
    ],
)
def test_the_old_page_cannot_be_scripted_by_a_link(
    page: Page, expect_console_error: Callable[[str], None], five: Gateway, probe: str
) -> None:
    """`/result` repeats what the link holds as text: levels, numbers, names, and names of nothing."""
    expect_console_error("status of 400 .*/result")
    for changes in ({"cip": probe}, {"cred": probe}, {"sat": probe}, {probe: probe}, {"sat_number": probe}):
        page.goto(address(five, "/result", **changes))
        page.wait_for_load_state()
        assert page.title() != "pwned"
        assert page.locator("img[src=x], script:not([src]):not([type='application/json'])").count() == 0
