"""Where a model runs and how its servers are, in words: a line for a card, rows for the model page."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.console.number_text import number_text, percent_text
from gateway.console.traffic import seconds_text

#: Kind of executor -> where the model runs, in words; `static/index.js` has the same.
PLACES: Final[Mapping[str, str]] = {
    "local": "in the workers",
    "process": "in a process of its own",
    "upstream": "on another server",
    "h2o_server": "on an H2O server",
    "ray": "on a Ray cluster",
}
_BREAKERS: Final[Mapping[str, str]] = {
    "closed": "closed: every call is sent",
    "half-open": "half-open: the next call tries whether a server answers",
    "open": "open: calls are refused, as five in a row got no answer",
}


def place_text(kind: str) -> str:
    """Return where a model of this kind of executor runs."""
    return PLACES.get(kind, kind)


def executor_text(executor: Mapping[str, Any]) -> str:
    """Return where a model runs and what is wrong there, on one line; `static/index.js` writes the same."""
    said = [_state_text(executor)]
    if executor.get("breaker", "closed") != "closed":
        said.append(f"breaker {executor['breaker']}")
    if executor.get("restarts"):
        said.append(_restarts_text(executor["restarts"]))
    return f"runs {place_text(executor['kind'])}: {', '.join(said)}"


def is_troubled(executor: Mapping[str, Any]) -> bool:
    """Say whether somebody should look after the servers of a model."""
    return bool(executor["state"] != "ready" or executor.get("breaker", "closed") != "closed")


def server_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and texts of what is known of the servers of a model; none where it runs in the workers."""
    if report["kind"] == "local":
        return []
    # Without addresses: pages are read by people who cannot reach these servers.
    rows = [("runs", place_text(report["kind"])), ("state", _state_text(report))]
    if "replicas" in report:
        rows.append(("replicas", " to ".join(map(number_text, report["replicas"]))))
    if "breaker" in report:
        rows.append(("breaker", _BREAKERS[report["breaker"]]))
    if "restarts" in report:
        rows.append(("restarts", number_text(report["restarts"])))
    if report.get("memory_mb"):
        rows.append(("memory", f"{number_text(report['memory_mb'])} MB"))
    if report.get("reason"):
        rows.append(("last end", report["reason"]))
    if report.get("total_s"):
        share = percent_text(min(report["remote_s"] / report["total_s"], 1.0))
        rows.append(("time there", f"{seconds_text(report['remote_s'])}, {share} of the time of all requests"))
    return rows


def _state_text(executor: Mapping[str, Any]) -> str:
    state, instances, ready = executor["state"], executor.get("instances", 1), executor.get("ready", 0)
    if instances == 1:
        return str(state)
    return f"{'' if ready else f'{state}, '}{number_text(ready)} of {number_text(instances)} ready"


def _restarts_text(restarts: int) -> str:
    return f"{number_text(restarts)} restart{'' if restarts == 1 else 's'}"
