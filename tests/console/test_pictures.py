"""The pictures of docs/console.md, made anew: `make pictures`. Elsewhere they go into a temporary folder."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.conftest import PHONE, OpenPage
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
    "state": ("/console/loan", {}),
    "state-phone": ("/console/loan", PHONE),
}
LARGEST = 250_000


def small(png: bytes) -> bytes:
    """Return a picture with a palette of 128 colours: a quarter of the bytes, and no difference that one sees."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here (dev)")
    target = io.BytesIO()
    image.open(io.BytesIO(png)).convert("RGB").quantize(128).save(target, "PNG", optimize=True)
    return target.getvalue()


def stage(page: Page, name: str, folder: Path) -> None:
    """Bring a page to what its picture is to show."""
    if name.startswith(("try", "state")):
        expect(page.locator("#value")).not_to_be_empty()
        expect(page.locator(".curve svg").first).to_be_visible()
    if name == "state":
        page.locator("[data-field=loanamount] input[type=number]").fill("-1")
        expect(page.locator("#state[data-kind=invalid]")).to_be_visible()
    if name == "state-phone":
        expect(page.locator("body[data-watched]")).to_be_attached()
        page.context.set_offline(True)
        page.locator("[data-field=deposit] input[type=number]").fill("900")
        expect(page.locator("#state[data-kind=unreachable]")).to_be_visible()
        page.evaluate("scrollTo(0, 300)")
    if name == "batch":
        file = folder / "loans.csv"
        file.write_text(ROWS)
        page.locator("input[type=file]").set_input_files(file)
        expect(page.locator("#check")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_made(
    open_page: OpenPage,
    five: Gateway,
    tmp_path: Path,
    expect_console_error: Callable[[str], None],
    name: str,
) -> None:
    """Each picture shows its page at work, and is small."""
    path, window = PICTURES[name]
    page = open_page(**window)
    expect_console_error("ERR_INTERNET_DISCONNECTED")
    page.goto(f"http://127.0.0.1:{five.port}{path}")
    stage(page, name, tmp_path)
    page.wait_for_load_state("networkidle")
    png = small(
        page.screenshot(full_page=name not in ("model", "try-phone", "state", "state-phone"), animations="disabled")
    )
    folder = Path(os.environ.get("DOCS_PICTURES", tmp_path))
    (folder / f"console-{name}.png").write_bytes(png)
    assert 5_000 < len(png) < LARGEST
