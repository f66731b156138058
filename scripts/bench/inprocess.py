"""
One worker's WSGI callable in this process, and a bare callable around the same compiled model.

No socket and no gunicorn: what is timed here is Python alone.
"""

import io
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gateway import logs, metrics
from gateway.cli.place import place_of
from gateway.generations import transaction
from gateway.process.environment import configure_process
from gateway.process.generation_follower import Gateway
from gateway.process.server import BOARD_ROUTES
from gateway.routing.routes import Route
from gateway.schema import Predictor
from gateway.scoreboard import Scoreboard
from gateway.security.keyring import Keyring
from gateway.settings.settings import Settings

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]


def make_gateway(registry: Path, home: Path, *, workers: int = 2) -> Gateway:
    """Prepare, commit and load a registry; returns when every eager model is READY or FAILED."""
    os.environ |= {
        "GATEWAY_REGISTRY": str(registry),
        "GATEWAY_HOME": str(home),
        "GATEWAY_WORKERS": str(workers),
        "GATEWAY_LOG_LEVEL": "warning",
    }
    settings = Settings.load()
    configure_process(settings)
    logs.configure("warning", access=False)
    event = transaction.attempt(place_of(settings), mode="cold", source="bench")
    if event.result == "refused":
        raise SystemExit(f"{registry}: {event.reason}")
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    metrics.configure(settings.metrics_dir)
    Scoreboard.create(settings.scoreboard_path, slots=8, routes=BOARD_ROUTES).close()
    gateway = Gateway(settings, Keyring(settings.keys_path))
    gateway.start()
    while not gateway.is_settled():
        time.sleep(0.01)
    gateway.serving()
    return gateway


def environ_of(path: str, body: bytes, method: str = "POST") -> Environ:
    """Return what gunicorn's gevent worker puts into the environ of wrk's request."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "gunicorn/27.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "HTTP_HOST": "127.0.0.1:8000",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
    }


def ask(app: Wsgi, path: str, body: bytes) -> tuple[int, Any]:
    """Send one request; return the code and the decoded answer."""
    seen: list[str] = []
    chunks = app(environ_of(path, body), lambda status, headers, exc_info=None: seen.append(status))
    return int(seen[0][:3]), json.loads(b"".join(chunks))


def predictor_of(route: Route) -> Predictor:
    """Return what predicts behind a route that is READY: its compiled model, or the original."""
    executor: Any = route.model._executor
    predictor: Predictor = executor._predictor
    return predictor


def bare_callable(route: Route) -> Wsgi:
    """
    Return the least that answers the same body from the same compiled model: read, decode, predict, encode.

    No limits, no checks of values, no metrics, no log, one route.
    """
    predictor = predictor_of(route)
    signature = route.signature
    assert signature is not None
    fields = signature.inputs
    names = [field.name for field in fields]
    kinds = [np.dtype(object) if field.type == "string" else np.dtype(np.float64) for field in fields]
    classes = signature.output.probabilities
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

    def bare(environ: Environ, start_response: Any) -> Iterable[bytes]:
        row = decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        columns = [np.array([row[name]], dtype=kind) for name, kind in zip(names, kinds, strict=True)]
        found = predictor.predict(columns)
        value = (
            found.probabilities[0].tolist() if classes and found.probabilities is not None else float(found.values[0])
        )
        body = encode({"prediction": value})
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return bare
