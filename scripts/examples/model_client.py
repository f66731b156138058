"""What both examples need of the gateway: the schema of a route, its answers, and its faults in words."""

import json
import os
import urllib.error
import urllib.request
from typing import Any

URL = os.environ.get("MODEL_SERVER_URL", "http://127.0.0.1:8000")


class Refused(Exception):
    """Carry the faults of a request, one line each: where, what, and how to mend it."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.lines = [_line(fault) for fault in problem.get("errors", [])] or [_line(problem)]
        if (more := problem.get("total_errors", 0) - len(self.lines)) > 0:
            self.lines.append(f"and {more} more")
        super().__init__("\n".join(self.lines))


def schema(path: str) -> dict[str, Any]:
    """Return what a route takes and answers."""
    found: dict[str, Any] = _ask(f"{path}/schema")
    return found


def fields(path: str) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each input, without the aliases, in the order of the form."""
    properties: dict[str, dict[str, Any]] = schema(path)["inputs"]["properties"]
    same = [name for name, one in properties.items() if str(one.get("description", "")).startswith("the same as ")]
    return {name: one for name, one in properties.items() if name not in same}


def predict(path: str, instance: dict[str, Any]) -> dict[str, Any]:
    """Return `answer`, `prediction` and, where the model knows them, `probabilities`; raises Refused."""
    found: dict[str, Any] = _ask(f"{path}?_detail=true", json.dumps(instance).encode(), "application/json")
    return found


def predict_file(path: str, content: bytes) -> Any:
    """Return the answers to the rows of a CSV; raises Refused."""
    return _ask(path, content, "text/csv")


def _ask(path: str, body: bytes | None = None, kind: str = "") -> Any:
    request = urllib.request.Request(URL + path, body, {"Content-Type": kind, "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)) from None
    except urllib.error.URLError as error:
        raise Refused(
            {"detail": f"no gateway answers at {URL}: {error.reason}", "hint": "start it: make run"}
        ) from None


def _line(fault: dict[str, Any]) -> str:
    at = f"row {fault['row'] + 1}, " if "row" in fault else ""
    where = f"{at}{fault['field']}: " if "field" in fault else at and f"{at.rstrip(', ')}: "
    hint = f" ({fault['hint']})" if fault.get("hint") else ""
    return f"{where}{fault.get('message', fault.get('detail', ''))}{hint}"
