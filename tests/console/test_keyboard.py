"""The console by keys alone, from the first Tab on."""

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from console.asked import choose_by, predicted_by, shown_json
from console.keyboard import tab_to
from serving import Gateway


def test_earnings_by_keys(page: Page, five: Gateway, look: Callable[..., None]) -> None:
    """From the index to an answer: the link, a select by its letters, a slider by arrows; the answer is that of the route."""
    page.goto(f"http://127.0.0.1:{five.port}/")
    tab_to(page, page.locator("a[href='/console/earnings']").first)
    page.keyboard.press("Enter")
    expect(page.locator("#form")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    tab_to(page, page.locator("select[name=CREDDESC]"))
    page.keyboard.type("Mast")
    slider = page.locator(".field[data-field=ADM_RATE_ALL] [data-slider]")
    tab_to(page, slider)
    before = page.locator("[name=ADM_RATE_ALL]").input_value()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator("[name=ADM_RATE_ALL]")).not_to_have_value(before)
    tab_to(page, page.locator("#predict"))
    sent = predicted_by(page, lambda: page.keyboard.press("Enter"))
    assert sent and sent["CREDDESC"].startswith("Mast")
    assert shown_json(page) == five.post("/earnings", sent).json
    look(page, "keyboard-earnings")


def test_a_batch_by_keys(page: Page, five: Gateway, tmp_path: Path) -> None:
    """From the first Tab: choose a file, go to a format, press Enter; the rows come back as a file, in order."""
    row = next(one for one in five.get("/routes").json["routes"] if one["name"] == "loan")["sample"]
    path = tmp_path / "rows.csv"
    path.write_text(f"{','.join(row)}\n" + f"{','.join(str(value) for value in row.values())}\n" * 3)
    page.goto(f"http://127.0.0.1:{five.port}/console/loan/batch")
    tab_to(page, page.locator("#file"))
    choose_by(page, lambda: page.keyboard.press("Space"), path)
    expect(page.locator("#check")).to_be_visible()
    tab_to(page, page.locator("button[name=format][value=ndjson]"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 3
    assert all(five.post("/loan", row).json.items() <= json.loads(line).items() for line in lines)
