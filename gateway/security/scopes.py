"""Scopes: what a key or a token allows. `predict:/loan`, `predict:*`, `catalog`, `metrics`, or `*` for all of them."""

from typing import Final

#: Whatever there is, also what later releases add.
EVERYTHING: Final = "*"
#: Routes and their states, documents, health in detail.
CATALOG: Final = "catalog"
#: The page of /metrics.
METRICS: Final = "metrics"
#: Followed by the path of a route, as registry.yaml has it: its predictions, checks, explanations, its description.
PREDICT: Final = "predict:"
PREDICT_ALL: Final = "predict:*"

EXPECTED: Final = "predict:/route, predict:*, catalog, metrics or *"


def predict_scope(path: str) -> str:
    """Return the scope of the route at a path."""
    return PREDICT + path


def is_scope(text: str) -> bool:
    """Say whether a text is a scope of this release; whether its route exists is not asked."""
    return text in (EVERYTHING, CATALOG, METRICS, PREDICT_ALL) or (
        text.startswith(f"{PREDICT}/") and len(text) > len(PREDICT) + 1 and text.isprintable() and " " not in text
    )
