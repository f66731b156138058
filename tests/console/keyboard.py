"""Go through a page by keys alone."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

#: Says what has the focus, as a person would name it; whether it shows that: by the ring of the browser itself ("auto"),
#: or by an outline of the page's own, of two pixels at least; and whether it is the element that is looked for.
_FOCUSED: Final = """target => {
    const at = document.activeElement
    const name = at.id ? '#' + at.id : at.getAttribute('aria-label') || (at.innerText || '').trim().slice(0, 30)
    const { outlineStyle, outlineWidth } = getComputedStyle(at)
    const hasRing = outlineStyle === 'auto' || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2)
    return [at.tagName.toLowerCase() + ' ' + name, hasRing, at === target]
}"""


def tab_to(page: "Page", target: "Locator", *, key: str = "Tab", limit: int = 150) -> list[str]:
    """Press Tab until an element has the focus, and return what had it on the way; fail where it never comes."""
    way = []
    for _ in range(limit):
        page.keyboard.press(key)
        name, has_ring, is_target = target.evaluate(_FOCUSED)
        way.append(name)
        assert has_ring, f"nothing shows that {name} has the focus"
        if is_target:
            return way
    raise AssertionError(f"{target} is not reached by {limit} times {key}; focused were: {', '.join(way)}")
