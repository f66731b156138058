"""Pictures for docs/console.md: small, and kept where DOCS_PICTURES names a folder. States no law."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Where pictures for the documents are kept; nowhere without it.
FOLDER: Final = os.environ.get("DOCS_PICTURES", "")
#: What a picture of a state shows side by side: a window in light colours, a phone in dark ones.
VIEWS: Final = (("light", {"width": 880, "height": 420}), ("dark", {"width": 390, "height": 420}))
GAP: Final = 14


def small(image: Any) -> bytes:
    """Return a picture with a palette of 128 colours: a quarter of the bytes, and no difference that one sees."""
    target = io.BytesIO()
    image.convert("RGB").quantize(128).save(target, "PNG", optimize=True)
    return target.getvalue()


def opened(png: bytes) -> Any:
    """Return an image; skip where nothing reads one."""
    return pytest.importorskip("PIL.Image", reason="Pillow is not installed here (dev)").open(io.BytesIO(png))


def keep_state(page: "Page", name: str, place: str = "#state") -> None:
    """Keep a picture of a state of a page, which stays as it was: its words stand at the upper edge."""
    if not FOLDER:
        return
    before = page.viewport_size
    shots = []
    for scheme, size in VIEWS:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.locator(place).evaluate("element => scrollTo(0, element.getBoundingClientRect().top + scrollY - 60)")
        shots.append(opened(page.screenshot(animations="disabled")))
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)
    (Path(FOLDER) / f"console-{name}.png").write_bytes(small(_beside(shots)))


def _beside(shots: list[Any]) -> Any:
    image = pytest.importorskip("PIL.Image")

    whole = image.new("RGB", (sum(one.width + GAP for one in shots) - GAP, shots[0].height), "white")
    left = 0
    for one in shots:
        whole.paste(one, (left, 0))
        left += one.width + GAP
    return whole
