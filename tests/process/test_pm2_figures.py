"""What `pm2 monit` shows, of given figures of routes."""

from typing import Any

import pytest

from gateway.generations.history import Event
from gateway.metrics.route_totals import ServerTime
from gateway.process.pm2.figures import BUSIEST, figures, reload_text
from gateway.scoreboard import RouteView
from gateway.scoreboard.latency import BUCKETS, bucket_of
from gateway.scoreboard.status import ServerStatus


def view(name: str, requests: int = 0, took_s: float = 0.001, state: str = "ready", **counts: Any) -> RouteView:
    """Return a route that answered so many requests in the last ten seconds, each in the same time."""
    recent = [0] * BUCKETS
    recent[bucket_of(round(took_s * 1e9))] = requests
    return RouteView(name=name, recent_s=10.0, recent=recent, states={state: 1}, **counts)


def shown(*views: RouteView, **more: Any) -> dict[str, Any]:
    """Return the value of each figure."""
    given = {"serving": 2, "workers": 2, "pss_bytes": 0, "restarts": 0, "generation": "g", "last_reload": "none"}
    found = figures(views, **{"models": len(views), **given, **more})
    return {name: entry["value"] for name, entry in found.items()}


def test_names_never_change() -> None:
    """PM2 never drops a metric: the same names stand there with no route and with many."""
    assert list(shown()) == list(shown(*(view(str(number)) for number in range(9))))


def test_without_routes() -> None:
    """A gateway that serves nothing yet shows noughts and dashes."""
    found = shown(models=0, generation="none")
    assert (found["Models ready"], found["Requests"], found["p95 latency"], found["Generation"]) == (
        "0/0", "0", "0.0", "none",
    )  # fmt: skip
    assert [found[f"Busiest {place + 1}"] for place in range(BUSIEST)] == ["-"] * BUSIEST


def test_sums_over_routes() -> None:
    """Counts of all routes are added, rates too; memory is shown in MB."""
    found = shown(
        view("a", requests=10, in_flight=1, queue_depth=2, errors=3, shed=4),
        view("b", requests=25, in_flight=10, queue_depth=20, errors=30, shed=40),
        pss_bytes=3 * 2**19,
        restarts=7,
    )
    assert [found[name] for name in ("In flight", "Queued", "Errors", "Shed")] == ["11", "22", "33", "44"]
    assert (found["Requests"], found["Workers memory"], found["Worker restarts"]) == ("3.5", "1.5", "7")


@pytest.mark.parametrize(
    ("states", "expected"),
    [(("ready", "idle"), "2/2"), (("ready", "loading"), "1/2"), (("failed", "ready"), "1/2")],
)
def test_models_that_can_answer_are_ready(states: tuple[str, ...], expected: str) -> None:
    """A lazy model that nobody has asked yet is as good as a loaded one; one that loads or failed is not."""
    assert shown(*(view(state, state=state) for state in states))["Models ready"] == expected


def test_a_model_that_no_worker_has_told_of_is_not_ready() -> None:
    """The total is what is committed, not what the workers know."""
    assert shown(view("a"), models=3)["Models ready"] == "1/3"


def test_the_p95_is_of_all_requests_and_no_mean_of_routes() -> None:
    """A slow route with few requests does not move the p95 of all; with many it does."""
    quick = view("quick", requests=1000)
    assert float(shown(quick, view("slow", requests=10, took_s=1.0))["p95 latency"]) < 2
    assert float(shown(quick, view("slow", requests=100, took_s=1.0))["p95 latency"]) > 500


def test_the_busiest_routes_by_name() -> None:
    """The three with most requests a second, the busiest first, each with its own p95."""
    found = shown(*(view(f"r{number}", requests=number, took_s=0.1) for number in (5, 40, 10, 20, 30)))
    assert [found[f"Busiest {place}"].split()[0] for place in (1, 2, 3)] == ["r40", "r30", "r20"]
    assert found["Busiest 1"].startswith("r40 4.0 req/s, p95 ")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (None, "none"),
        (Event(result="committed", at=1_000.0), "committed 20 s ago"),
        (Event(result="committed", at=1_020.0 - 119), "committed 119 s ago"),
        (Event(result="unchanged", at=1_020.0 - 180), "unchanged 3 min ago"),
        (Event(result="refused", at=1_000.0, reason="/m: no file\n/n: no file"), "refused 20 s ago: /m: no file"),
        (Event(result="refused", at=1_000.0, reason="x" * 99), f"refused 20 s ago: {'x' * 60}"),
    ],
)
def test_the_last_reload_in_one_line(event: Event | None, expected: str) -> None:
    """What came of it, how long ago, and the first line of the reason, cut to what fits."""
    assert reload_text(event, 1_020.0) == expected


def test_model_servers_in_one_line() -> None:
    """How many processes are ready, how often they ended, what they take; those that end are not counted."""
    assert shown()["Model servers"] == "-"
    servers = [
        ServerStatus(server="a", instance=0, state="ready", restarts=1, memory_mb=40),
        ServerStatus(server="a", instance=1, state="waiting", restarts=2, memory_mb=2),
        ServerStatus(server="b", instance=0, state="ending", restarts=9, memory_mb=9),
    ]
    assert shown(servers=servers)["Model servers"] == "1/2, 3 restarts, 42 MB"


def test_breakers_in_one_line() -> None:
    """The routes whose breaker is not closed by name, the busiest first; a gateway that asks no server has none."""
    assert shown(view("a"))["Breakers"] == "-"
    assert shown(view("a"), view("b", breakers={"closed": 2}))["Breakers"] == "closed"
    broken = [view(f"r{at}", requests=at, breakers={"closed": 1, "open": 1}) for at in range(4)]
    assert shown(*broken, view("h", breakers={"half-open": 1}))["Breakers"] == "r3 open, r2 open, r1 open, 2 more"


def test_time_in_model_servers_in_one_line() -> None:
    """Seconds of all routes that ask a server, and their share of the time that requests of these routes took."""
    assert shown()["Time in model servers"] == "-"
    times = {"a": ServerTime(1.0, 2.0), "b": ServerTime(2.0, 2.0)}
    assert shown(times=times)["Time in model servers"] == "3.0 s, 75% of their requests"
