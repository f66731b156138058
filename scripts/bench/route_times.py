"""Ask a route of a gateway on a kept connection, and tell how long it takes."""

import http.client
import json
import statistics
import time
from typing import Any


def ask(connection: http.client.HTTPConnection, route: str, body: bytes) -> Any:
    """Predict the rows of a JSON body; ends the program where the route does not answer 200."""
    connection.request("POST", f"/{route}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.read()
    if answer.status != 200:
        raise SystemExit(f"/{route}: {answer.status} {found[:500]!r}")
    return json.loads(found)


def interleaved(
    connection: http.client.HTTPConnection, routes: list[str], body: bytes, rounds: int, calls: int
) -> dict[str, float]:
    """Return the median milliseconds of a request to each route: of the medians of rounds that take turns."""
    taken: dict[str, list[float]] = {route: [] for route in routes}
    for _ in range(rounds):
        for route, times in taken.items():
            times.append(_median_ms(connection, route, body, calls))
    return {route: statistics.median(times) for route, times in taken.items()}


def _median_ms(connection: http.client.HTTPConnection, route: str, body: bytes, calls: int) -> float:
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        ask(connection, route, body)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3
