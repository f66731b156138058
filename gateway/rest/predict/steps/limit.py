"""
Step 3 of a call: what a caller may use up. A request is charged before its body is read, its rows once they are valid.

The dispatch of every endpoint that is no call (rest/api.py) charges its requests here too. There are no rates or quotas
yet: nothing is refused.
"""

from gateway.routing.routes import Route
from gateway.security.principal import Principal


def charge_request(principal: Principal, route: Route | None) -> None:
    """Charge one request, of a route or (None) of an endpoint of the whole gateway; a refusal is raised."""


def charge_rows(principal: Principal, route: Route, rows: int) -> None:
    """Charge the rows of a call, before the first of them is predicted; a refusal is raised."""
