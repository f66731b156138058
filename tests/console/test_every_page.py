"""What holds for every page: accessible in light and dark, never wider than the window, small, still, under the policy."""

from collections.abc import Callable

import pytest
import yaml
from playwright.sync_api import Page

from console.accessibility import violations
from console.guards import Guards
from console.visiting import addresses, cost, overlapping, shift, too_wide, visit
from serving import ROOT, Gateway

#: As the issue of the console writes it; a page with a plot may draw pictures from blobs, and writes HTML itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PLOT_POLICY = POLICY.partition("; require-trusted")[0].replace("data:", "data: blob:")
REGISTRY = yaml.safe_load((ROOT / "registry.yaml").read_text(encoding="utf-8"))["routes"]
ROUTES = [path.removeprefix("/") for path in REGISTRY]
WITH_PLOT = [f"try {path.removeprefix('/')}" for path, route in REGISTRY.items() if "plot" in route]
#: A window with two columns that are as narrow as they get.
BETWEEN = 800
#: One of each page in `make test`: with a plot, with a text, with selects, with ten fields.
SHORT = ("index", "try earnings", "try sentiment", "batch loan", "model insurance")
LONG = [label for label in addresses("", ROUTES) if label not in SHORT]
EVERY = [*SHORT, *(pytest.param(label, marks=pytest.mark.slow) for label in LONG)]


@pytest.fixture
def origin(five: Gateway) -> str:
    """Return where the five models are served."""
    return f"http://127.0.0.1:{five.port}"


@pytest.mark.parametrize("label", EVERY)
def test_a_page_is_for_everybody(
    page: Page, guards: list[Guards], look: Callable[..., None], origin: str, label: str
) -> None:
    """A first visit keeps the budget and moves nothing; axe is content in both colours; no width scrolls sideways or draws texts upon each other."""
    answer = visit(page, addresses(origin, ROUTES)[label])
    has_plot = label in WITH_PLOT
    assert answer.status == 200
    assert answer.headers["content-security-policy"] == (PLOT_POLICY if has_plot else POLICY)
    spent = cost(guards[0].requests)
    assert spent.requests <= (24 if has_plot else 16), str(spent)
    assert spent.size <= (500_000 if has_plot else 60_000), str(spent)
    assert ("plotly" in str(spent)) == has_plot, str(spent)
    assert shift(page) <= 0.02
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        look(page, f"{label}-{scheme}")
        found = violations(page)
        assert not found, "\n".join([f"{label} in {scheme} colours:", *found])
    assert overlapping(page) == []
    assert too_wide(page) == []
    for width in (1100, BETWEEN):
        page.set_viewport_size({"width": width, "height": 900})
        assert overlapping(page) == [], f"at {width} px"
