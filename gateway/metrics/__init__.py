"""
Prometheus metrics: counters and histograms, their files, and the text of /metrics.

Knows route names and numbers; knows no route, model or scoreboard.
"""

from gateway.metrics.current_state import CurrentState, KeySetRow, ModelRow, ServerRow
from gateway.metrics.exposition import render
from gateway.metrics.folding import fold_dead, has_room
from gateway.metrics.instruments import BUCKETS, MAX_LABELS, NO_ROUTE, OTHER, RouteMetrics, configure, limited, refused
from gateway.metrics.text_format import CONTENT_TYPE, CONTENT_TYPE_OPENMETRICS

__all__ = [
    "BUCKETS",
    "CONTENT_TYPE",
    "CONTENT_TYPE_OPENMETRICS",
    "MAX_LABELS",
    "NO_ROUTE",
    "OTHER",
    "CurrentState",
    "KeySetRow",
    "ModelRow",
    "RouteMetrics",
    "ServerRow",
    "configure",
    "fold_dead",
    "has_room",
    "limited",
    "refused",
    "render",
]
