"""Every rule of the URL map of a worker, and requests that it takes. States no law of its own."""

import json
from collections.abc import Iterator
from typing import Final

from werkzeug.routing import Rule

from rest.one_worker import Answer, Worker, environ_of

FORM = b"a=1&b=2"
TABLE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\na,b\n1,2\n\r\n--x--\r\n'
V2 = {"inputs": [{"name": name, "shape": [1, 1], "datatype": "FP64", "data": [1]} for name in ("a", "b")]}
PLACES: Final = {
    "path": "deep/sum",
    "model": "deep",
    "action": "load",
    "name": "deep",
    "digest": "0",
    "file": "console.css",
}


def targets(worker: Worker) -> Iterator[tuple[Rule, str, str]]:
    """Yield every rule about the route called deep, with each method and a path that it matches."""
    version = worker.generation.table.by_name["deep"].version
    for rule in worker.apps[True].url_map.iter_rules():
        if rule.endpoint.startswith("route:") and rule.endpoint != "route:/deep/sum":
            continue
        path = rule.rule
        for name, value in {**PLACES, "version": version}.items():
            path = path.replace(f"<path:{name}>", value).replace(f"<{name}>", value)
        for method in sorted(rule.methods or ()):
            yield rule, method, path


def ask(worker: Worker, method: str, path: str, fast: bool, address: str = "127.0.0.1", **headers: str) -> Answer:
    """Ask a path with a body that it takes."""
    body, kind = json.dumps({"a": 1, "b": 2}).encode(), "application/json"
    if path.endswith("/infer"):
        body = json.dumps(V2).encode()
    elif path.endswith("/invocations"):
        body = b'{"inputs": [{"a": 1, "b": 2}]}'
    elif path.startswith("/v2/repository"):
        body = b"{}"
    elif path.endswith("/batch"):
        body, kind = TABLE, "multipart/form-data; boundary=x"
    elif path.startswith("/console/"):
        body, kind = FORM, "application/x-www-form-urlencoded"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = environ_of(method, path, body, {"Content-Type": kind, **headers}, REMOTE_ADDR=address)
    return worker.ask(sent, fast=fast)
