"""
The pictures of pages in docs/console.md, made anew: `make pictures`. Elsewhere they go into a temporary folder.

Those of states are made by the tests that bring the states about and see them end: all that are marked `pictured`.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.conftest import PHONE, OpenPage
from console.pictures import FOLDER, opened, small
from serving import Gateway

ROWS = "age_group,car_type,loan_amount,deposit,area,id\nYoung,SUV,12342,2360,rural,1\nYoung,Spaceship,900,100,urban,2\n"
#: Name -> path and window: few, and small enough for a repository.
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "index": ("/", {}),
    "try": ("/console/earnings", {}),
    "try-dark": ("/console/diabetes", {"color_scheme": "dark"}),
    "try-phone": ("/console/loan", PHONE),
    "batch": ("/console/loan/batch", {}),
    "model": ("/console/insurance/model", {}),
}
LARGEST = 250_000


def stage(page: Page, name: str, folder: Path) -> None:
    """Bring a page to what its picture is to show."""
    if name.startswith("try"):
        expect(page.locator("#value")).not_to_be_empty()
        expect(page.locator(".curve svg").first).to_be_visible()
    if name == "batch":
        file = folder / "loans.csv"
        file.write_text(ROWS)
        page.locator("input[type=file]").set_input_files(file)
        expect(page.locator("#check")).to_be_visible()


@pytest.mark.slow
@pytest.mark.pictured
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_made(
    open_page: OpenPage,
    five: Gateway,
    tmp_path: Path,
    name: str,
) -> None:
    """Each picture shows its page at work, and is small."""
    path, window = PICTURES[name]
    page = open_page(**window)
    page.goto(f"http://127.0.0.1:{five.port}{path}")
    stage(page, name, tmp_path)
    page.wait_for_load_state("networkidle")
    is_whole = name not in ("model", "try-phone")
    png = small(opened(page.screenshot(full_page=is_whole, animations="disabled")))
    (Path(FOLDER or tmp_path) / f"console-{name}.png").write_bytes(png)
    assert 5_000 < len(png) < LARGEST
