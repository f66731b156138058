"""
Shared memory of all workers (mmap): live figures, latencies (p95) and states, readable even after a kill -9.

Knows processes, route names and numbers; knows no model, no HTTP and no metrics library.
"""

from gateway.scoreboard.latency import WINDOW_S
from gateway.scoreboard.layout import IN_FLIGHT_ENTRIES, PHASES, STATES
from gateway.scoreboard.scoreboard import Scoreboard
from gateway.scoreboard.slot import Slot
from gateway.scoreboard.views import InFlight, RouteView, WorkerView

__all__ = [
    "IN_FLIGHT_ENTRIES",
    "PHASES",
    "STATES",
    "WINDOW_S",
    "InFlight",
    "RouteView",
    "Scoreboard",
    "Slot",
    "WorkerView",
]
