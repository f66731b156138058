"""
The shared memory of all workers: what no single worker can know, readable even after a kill -9.

Knows processes, route names and numbers; knows no model, no HTTP and no metrics library.
"""

from gateway.board.board import Board
from gateway.board.latency import WINDOW_S
from gateway.board.layout import IN_FLIGHT_ENTRIES, PHASES, STATES
from gateway.board.slot import Slot
from gateway.board.views import InFlight, RouteView, WorkerView

__all__ = ["IN_FLIGHT_ENTRIES", "PHASES", "STATES", "WINDOW_S", "Board", "InFlight", "RouteView", "Slot", "WorkerView"]
