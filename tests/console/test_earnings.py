"""The page of the earnings system is back: each change is seen in number, curves and plot, and the plot is the data."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from college_scorecard import distinct_rows, needs_data
from console.test_plot import ENGLISH, drawn, heights, is_like
from serving import Gateway, until

MASTER: Final = "Master's Degree"
ECONOMICS: Final = "Economics."
#: What a person sees of the three: the number, the lines and bars of the curves, the bars and the line of the plot.
_SEEN: Final = """() => {
    const drawn = selector => [...document.querySelectorAll(selector)].map(one => one.outerHTML).join('')
    return [document.querySelector('#value').textContent, drawn('[data-curve] polyline, [data-curve] .bar'),
        drawn('#plot-area .bars path, #plot-area .shapelayer path, #plot-area .annotation-text')]
}"""


def seen(page: Page) -> list[Any]:
    """Return number, curves and plot as they are drawn."""
    found: list[Any] = page.evaluate(_SEEN)
    return found


def is_in_the_window(one: Locator) -> bool:
    """Say whether all of an element can be seen at once, and is more than a point."""
    one.evaluate("element => element.scrollIntoView({ block: 'center' })")
    box, window = one.bounding_box(), one.page.viewport_size
    assert box is not None
    assert window is not None
    return bool(
        box["width"] > 30
        and box["height"] > 3
        and box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= window["width"]
        and box["y"] + box["height"] <= window["height"]
    )


def pull(page: Page) -> None:
    """Pull the slider of the tests' scores to three quarters."""
    slider = page.locator("[data-field=SAT_AVG_ALL] [data-slider]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)


@pytest.mark.slow
def test_each_change_is_seen_in_number_curves_and_plot(page: Page, five: Gateway, look: Callable[..., None]) -> None:
    """Another credential, another field, another slider: all three follow, each with a box inside the window."""
    drawn(page, five)
    expect(page.locator("body[data-whatif=new]")).to_be_attached()
    changes: dict[str, Callable[[], Any]] = {
        "credential": lambda: page.locator("[name=CREDDESC]").select_option(MASTER),
        "field": lambda: page.locator("[name=CIPDESC_new]").select_option(ECONOMICS),
        "slider": lambda: pull(page),
    }
    for what, change in changes.items():
        before = seen(page)
        change()
        until(lambda before=before: all(a != b for a, b in zip(before, seen(page), strict=True)), what=f"a new {what}")
        expect(page.locator("body[data-whatif=new]")).to_be_attached()
        look(page, f"earnings-{what}")
        for part in ("#value", "#plot-area .main-svg >> nth=0"):
            assert is_in_the_window(page.locator(part)), f"{part} after {what}"
        curves = page.locator("[data-curve] svg").all()
        assert len(curves) >= 5
        for one in curves:
            assert is_in_the_window(one), f"{one} after {what}"
        for line in page.locator("[data-curve] polyline").all():
            assert (line.bounding_box() or {"width": 0})["width"] > 100
        for bar in page.locator("[data-curve] .bar").all():
            assert (bar.bounding_box() or {"width": 0})["width"] > 1


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("credential", "field"), [("Bachelors Degree", ENGLISH), (MASTER, ECONOMICS)])
def test_bars_are_counts_of_the_data(page: Page, five: Gateway, credential: str, field: str) -> None:
    """Each bar is as high as the share of the rows of the data file in its $1,000, counted here."""
    rows = distinct_rows()
    drawn(page, five)
    page.locator("[name=CREDDESC]").select_option(credential)
    page.locator("[name=CIPDESC_new]").select_option(field)
    expect(page.locator("#plot figcaption")).to_contain_text(credential)
    expect(page.locator("#plot .key[data-series='1']")).to_contain_text(field)
    for at, levels in enumerate(((credential,), (credential, field))):
        counts = Counter(int(float(row[-1]) // 1000) for row in rows if row[: len(levels)] == levels)
        total = sum(counts.values())
        assert total > 0
        until(lambda at=at, counts=counts: is_like(heights(page, at), [counts[one] for one in sorted(counts)]))
        expect(page.locator(f"#plot .key[data-series='{at}']")).to_contain_text(f"({total:,} rows)")
