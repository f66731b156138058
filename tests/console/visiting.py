"""Visit the pages of the console: where they are, when they are settled, and what a visit cost. States no law."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from console.guards import size_on_the_wire

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

#: Page -> its path; `{}` is the name of a route.
PAGES: Final = {
    "index": "/",
    "try": "/console/{}",
    "batch": "/console/{}/batch",
    "model": "/console/{}/model",
}
#: Widths that the issue of the console names, in pixels: a small phone, a phone, a half and a whole screen.
WIDTHS: Final = (320, 390, 640, 1280)
#: What watches the gateway for an open form, and its first look.
WATCH: Final = ("/live.js", "/states.js", "/retry.js", "/served_page.js", "/health/live")
#: Sums what moved without a hand of the visitor, as browsers report it (cumulative layout shift).
_SHIFT: Final = """() => new Promise(resolve => {
    let sum = 0
    new PerformanceObserver(list => list.getEntries().forEach(e => { if (!e.hadRecentInput) sum += e.value }))
        .observe({ type: 'layout-shift', buffered: true })
    setTimeout(() => resolve(sum), 100)
})"""
#: What stands out to the right, so that a failure names it.
_WIDER: Final = """() => {
    const limit = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= limit) return []
    return [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > limit + 0.5)
        .map(e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + '.' + e.className
            + ' ' + Math.round(e.getBoundingClientRect().right)).slice(0, 10)
}"""


def addresses(origin: str, names: Sequence[str]) -> dict[str, str]:
    """Return label -> address of the index and of the pages of routes."""
    found = {"index": origin + PAGES["index"]}
    for name in names:
        found |= {f"{page} {name}": origin + path.format(name) for page, path in PAGES.items() if page != "index"}
    return found


def visit(page: "Page", address: str) -> Any:
    """Load a page, wait until it has asked for everything it wants, and return the answer."""
    answer = page.goto(address)
    page.wait_for_load_state("networkidle")
    return answer


@dataclass(frozen=True)
class Cost:
    """Hold what a visit sent for, in bytes as they were sent."""

    requests: int
    size: int
    lines: Sequence[str]

    def __str__(self) -> str:
        """Return a line for each request."""
        return "\n".join([f"{self.requests} requests, {self.size} bytes", *self.lines])


def cost(requests: "Sequence[Request]") -> Cost:
    """Add up requests that went to the server, without those of a watch that began before the visit had ended."""
    asked = [one for one in requests if one.url.startswith("http")]
    # A page of a form loads it once it has been at rest for seconds, or its answer is late: a busy machine decides when.
    is_form = any("/try.js" in one.url for one in asked)
    sent = [(one, size_on_the_wire(one)) for one in asked if not (is_form and one.url.endswith(WATCH))]
    lines = [f"{size:8} {one.method} {one.url}" for one, size in sent]
    return Cost(len(sent), sum(size for _, size in sent), lines)


def shift(page: "Page") -> float:
    """Return the cumulative layout shift up to now."""
    return float(page.evaluate(_SHIFT))


def too_wide(page: "Page", widths: Sequence[int] = WIDTHS) -> list[str]:
    """Return what makes a page scroll sideways, at each width; the window keeps the last one."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"at {width} px: {one}" for one in page.evaluate(_WIDER)]
    return found


#: Texts that lie upon each other, as a person sees them: clipped by what hides their overflow; what sticks to an edge of the window is left out.
_OVERLAPPING: Final = """() => {
    const texts = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
        const node = walker.currentNode, element = node.parentElement
        if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true }) || element.closest('svg, option, .visually-hidden')) continue
        const range = document.createRange()
        range.selectNodeContents(node)
        let clip = { left: -1e9, top: -1e9, right: 1e9, bottom: 1e9 }, sticks = false
        for (let at = element; at; at = at.parentElement) {
            const style = getComputedStyle(at)
            sticks ||= ['fixed', 'sticky'].includes(style.position)
            if (style.overflow !== 'visible') {
                const box = at.getBoundingClientRect()
                clip = { left: Math.max(clip.left, box.left), top: Math.max(clip.top, box.top),
                    right: Math.min(clip.right, box.right), bottom: Math.min(clip.bottom, box.bottom) }
            }
        }
        if (sticks) continue
        for (const box of range.getClientRects()) {
            const seen = { left: Math.max(box.left, clip.left), top: Math.max(box.top, clip.top),
                right: Math.min(box.right, clip.right), bottom: Math.min(box.bottom, clip.bottom) }
            if (seen.right - seen.left > 2 && seen.bottom - seen.top > 2) texts.push({ node, seen })
        }
    }
    texts.sort((a, b) => a.seen.top - b.seen.top)
    const found = []
    texts.forEach((one, place) => {
        for (let next = place + 1; next < texts.length && texts[next].seen.top < one.seen.bottom - 4; next++) {
            const other = texts[next]
            const width = Math.min(one.seen.right, other.seen.right) - Math.max(one.seen.left, other.seen.left)
            if (other.node !== one.node && width > 3 && found.length < 5)
                found.push(one.node.data.trim().slice(0, 40) + ' | ' + other.node.data.trim().slice(0, 40))
        }
    })
    return found
}"""


def overlapping(page: "Page") -> list[str]:
    """Return pairs of texts that are drawn upon each other."""
    return [str(one) for one in page.evaluate(_OVERLAPPING)]
