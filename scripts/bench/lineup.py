"""Who takes part: how each server is started, which routes it serves, where, and in which dialect. Two workers each."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.dialects import GATEWAY, MLFLOW, PLAIN, V2, Dialect
from bench.questions import ROUTES

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "scripts" / "bench" / "peers"
CACHE = ROOT / ".gateway-bench"
HOME = CACHE / "home"
EXPORTS = CACHE / "exports"
NATIVE = ("earnings", "diabetes", "sentiment")
PORT = 18300
H2O_PORT = PORT + 20


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Describe one server.

    `command` gets the routes to serve. `alone` servers hold one route a process tree and are started once per route.
    `venv` is a folder of scripts/bench/peers with pins; None is the gateway's own environment.
    """

    name: str
    command: Callable[[tuple[str, ...]], list[str]]
    routes: tuple[str, ...] = NATIVE
    dialect: Dialect = PLAIN
    path: str = "/{route}"
    ready: str = "/health"
    venv: str | None = None
    alone: bool = False
    needs_h2o: bool = False
    environ: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def url(self, route: str) -> str:
        """Return where a route of this peer is asked."""
        return f"http://127.0.0.1:{PORT}{self.path.format(route=route)}"


def python_of(venv: str | None) -> str:
    """Return the interpreter of a peer."""
    return sys.executable if venv is None else str(CACHE / "venvs" / venv / "bin" / "python")


def _tool(venv: str | None, module: str, *arguments: str) -> Callable[[tuple[str, ...]], list[str]]:
    return lambda routes: [python_of(venv), "-m", module, *arguments]


def _uvicorn(venv: str, folder: str, app: str = "app:app") -> Callable[[tuple[str, ...]], list[str]]:
    options = (
        "--host",
        "127.0.0.1",
        "--port",
        str(PORT),
        "--workers",
        "2",
        "--no-access-log",
        "--log-level",
        "warning",
    )
    return _tool(venv, "uvicorn", app, "--app-dir", str(PEERS / folder), *options)


def gunicorn(venv: str | None, folder: str, *options: str) -> Callable[[tuple[str, ...]], list[str]]:
    """Return the command of gunicorn around `app` of a peer's folder."""
    shared = ("--bind", f"127.0.0.1:{PORT}", "--workers", "2", "--chdir", str(PEERS / folder), "--log-level", "warning")
    return _tool(venv, "gunicorn", "--no-control-socket", *shared, *options, "app:app")


def _gateway(**environ: str) -> dict[str, str]:
    return {"GATEWAY_BIND": f"127.0.0.1:{PORT}", "GATEWAY_WORKERS": "2", "GATEWAY_HOME": str(HOME), **environ}


_SERVE = _tool(None, "gateway", "serve")
_OWN_WORKER = ("--worker-class", "gateway.process.worker.Worker", "--keep-alive", "15")

LINEUP = (
    Peer(
        "gateway", _SERVE, ROUTES, GATEWAY, ready="/health/ready", environ=_gateway(),
        note="as `make run`: one log line a request",
    ),
    Peer(
        "gateway, access log off", _SERVE, ROUTES, GATEWAY, ready="/health/ready",
        environ=_gateway(GATEWAY_ACCESS_LOG="false"), note="like all peers below",
    ),
    Peer(
        "bare WSGI callable, our compiled model", gunicorn(None, "bare", *_OWN_WORKER), ROUTES, ready="/nothing",
        note="same gunicorn worker; no checks, limits, metrics, log",
    ),
    Peer(
        "FastAPI + our compiled model", _uvicorn("fastapi-onnx", "fastapi-onnx"), venv="fastapi-onnx",
        environ={"BENCH_COMPILED": "1"}, note="uvicorn[standard], pydantic body; the model that the gateway compiled",
    ),
    Peer(
        "FastAPI + ONNX Runtime", _uvicorn("fastapi-onnx", "fastapi-onnx"), venv="fastapi-onnx", alone=True,
        environ={"BENCH_COMPILED": "0"}, note="uvicorn[standard], pydantic body; skl2onnx and onnxmltools exports",
    ),
    Peer(
        "FastAPI", _uvicorn("fastapi", "fastapi"), venv="fastapi",
        note="uvicorn[standard], pydantic body, native model (a DataFrame for earnings, numpy for diabetes)",
    ),
    Peer(
        "Flask-RESTful", gunicorn("flask-restful", "flask-restful", "--worker-class", "gthread", "--threads", "4"),
        venv="flask-restful", note="reqparse, gunicorn gthread, native model",
    ),
    Peer(
        "MLServer",
        lambda routes: [str(CACHE / "venvs" / "mlserver" / "bin" / "mlserver"), "start", str(CACHE / "mlserver")],
        dialect=V2, venv="mlserver",
        path="/v2/models/{route}/infer", ready="/v2/health/ready", note="custom runtime; parallel_workers 2",
    ),
    Peer(
        "BentoML", _tool("bentoml", "bentoml", "serve", "service:Models", "--host", "127.0.0.1", "--port", str(PORT),
                         "--working-dir", str(PEERS / "bentoml")),
        venv="bentoml", ready="/readyz", note="workers=2",
    ),
    Peer(
        "LitServe", lambda routes: [python_of("litserve"), str(PEERS / "litserve" / "app.py"), str(PORT)],
        venv="litserve", note="workers_per_device=2, two API servers",
    ),
    Peer(
        "MLflow", lambda routes: [python_of("mlflow"), "-m", "mlflow", "models", "serve", "-m",
                                  str(CACHE / "mlflow" / routes[0]), "-p", str(PORT), "-h", "127.0.0.1", "-w", "2",
                                  "--env-manager", "local"],
        dialect=MLFLOW, venv="mlflow", alone=True, path="/invocations", note="models serve -w 2",
    ),
    Peer(
        "Ray Serve", lambda routes: [python_of("ray"), str(PEERS / "ray" / "app.py"), str(PORT)],
        venv="ray", ready="/-/routes", note="two replicas, no FastAPI ingress",
    ),
    Peer(
        "H2O recipe", gunicorn("h2o", "h2o", "--worker-class", "gthread", "--threads", "4"), ("loan",), venv="h2o",
        needs_h2o=True, note="h2o.init(), H2OFrame per request, one H2O server for both workers; its own ensemble",
    ),
)  # fmt: skip
