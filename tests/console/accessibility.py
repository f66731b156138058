"""Run axe-core in a page: every rule of WCAG A and AA, and its best practices."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from serving import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SCRIPT: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@cache
def _source() -> str:
    if not _SCRIPT.exists():
        pytest.skip("axe-core is not installed here (make setup-dev)")
    return _SCRIPT.read_text(encoding="utf-8")


def violations(page: "Page") -> list[str]:
    """Return a line for each element that breaks a rule, of a page whose scripts run: axe never ends without timers."""
    # The policy admits neither eval nor a script element: the debugger's evaluate is not bound by it.
    page.evaluate(_source())
    found: Any = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", list(TAGS)
    )
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def axe(page: "Page") -> None:
    """Fail on any violation."""
    found = violations(page)
    assert not found, "\n".join([f"{len(found)} accessibility violations on {page.url}:", *found])
