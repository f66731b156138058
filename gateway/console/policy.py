"""
What pages may load and run: only files of this gateway; no inline script or style, no eval, no frame around them.

Plotly writes HTML itself and exports pictures as blobs, so a page with a plot does without Trusted Types.
"""

from typing import Final

_EVERY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{images}; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE: Final = _EVERY.format(images="") + "; require-trusted-types-for 'script'; trusted-types 'none'"
PLOT_PAGE: Final = _EVERY.format(images=" blob:")


def policy_of(*, has_plot: bool) -> str:
    """Return the Content-Security-Policy of a page."""
    return PLOT_PAGE if has_plot else PAGE


def headers_of(*, has_plot: bool = False) -> dict[str, str]:
    """Return the headers of every page."""
    return {
        "Content-Security-Policy": policy_of(has_plot=has_plot),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
