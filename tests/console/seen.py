"""See a page in every dress: light, dark, forced colours, without motion, on two phones; each without a violation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.accessibility import axe
from console.visiting import overlapping, too_wide

if TYPE_CHECKING:
    from playwright.sync_api import Page


def seen_well(page: "Page", look: Callable[..., None], name: str) -> None:
    """Fail where a state of a page breaks a rule in some dress; save its pictures where they are wanted."""
    before = page.viewport_size
    page.emulate_media(color_scheme="dark")
    axe(page)
    look(page, f"{name}-dark", whole=False)
    page.emulate_media(color_scheme="light", forced_colors="active", reduced_motion="reduce")
    look(page, f"{name}-forced", whole=False)
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    axe(page)
    assert overlapping(page) == []
    look(page, f"{name}-light", whole=False)
    assert too_wide(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, f"{name}-phone", whole=False)
    if before:
        page.set_viewport_size(before)
