"""Go through a page by keys alone."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

#: Says what has the focus, as a person would name it.
_FOCUSED: Final = """() => {
    const at = document.activeElement
    const name = at.id ? '#' + at.id : at.getAttribute('aria-label') || (at.innerText || '').trim().slice(0, 30)
    return at.tagName.toLowerCase() + ' ' + name
}"""
#: The ring of the browser itself ("auto") or an outline of the page's own, of two pixels at least.
_HAS_RING: Final = """() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
    return outlineStyle === 'auto' || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)
}"""


def focused(page: "Page") -> str:
    """Return what has the focus."""
    return str(page.evaluate(_FOCUSED))


def shows_focus(page: "Page") -> bool:
    """Say whether the focused element shows that it is."""
    return bool(page.evaluate(_HAS_RING))


def tab_to(page: "Page", target: "Locator", *, key: str = "Tab", limit: int = 150) -> list[str]:
    """Press Tab until an element has the focus, and return what had it on the way; fail where it never comes."""
    way = []
    for _ in range(limit):
        page.keyboard.press(key)
        way.append(focused(page))
        assert shows_focus(page), f"nothing shows that {way[-1]} has the focus"
        if target.evaluate("element => element === document.activeElement"):
            return way
    raise AssertionError(f"{target} is not reached by {limit} times {key}; focused were: {', '.join(way)}")
