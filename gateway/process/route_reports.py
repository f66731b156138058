"""What a worker writes to the scoreboard of its routes: states, queues, and how it finds the servers of models."""

import logging

from gateway.routing.route_table import RouteTable
from gateway.routing.routes import Route
from gateway.scoreboard import Slot

log = logging.getLogger("gateway.serving")


class RouteReports:
    """Write to the slot of this worker."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._reported: dict[str, tuple[int, str]] = {}

    def tick(self, table: RouteTable) -> None:
        """Write what changes with each request; called ten times a second."""
        for route in table.by_name.values():
            self._slot.queue_depth(route.counters.index, route.counters.bulkhead.queue_depth)
        for route in table.remote:
            self._report_servers(route)

    def report(self, route: Route) -> None:
        """Write the state of a route; log a failure with its reason and fix."""
        self._reported[route.name] = route.counters.index, route.state
        self._slot.model(route.counters.index, route.state.lower())
        self._report_servers(route)
        problem = route.reason
        if route.state == "FAILED" and problem is not None:
            log.error(
                "route failed",
                extra={"route": route.spec.path, "code": problem.code, "reason": problem.message, "fix": problem.hint},
            )

    def report_changed(self, table: RouteTable) -> None:
        """Report a lazy model that was loaded on request, or for another route: it is reported nowhere else."""
        for route in table.by_name.values():
            told = self._reported.get(route.name, (0, ""))
            if told != (route.counters.index, route.state) and (route.spec.load == "lazy" or told[1] == "LOADING"):
                self.report(route)

    def _report_servers(self, route: Route) -> None:
        """Write the state of the breaker and how many servers are left out; none where the model runs here."""
        health = route.model.server_health
        breaker, away = (health.breaker, len(health.away)) if health is not None else ("", 0)
        self._slot.servers(route.counters.index, breaker, away)
