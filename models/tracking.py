"""
Records a training in MLflow: the only module here that knows it.

The store is `mlruns/` of the checkout, or what GATEWAY_MLFLOW_URI names. A run holds parameters, cross-validated
figures, the leaderboard as a table, the data's hash, the environment, the files that are served and the model in its
native flavour, which becomes a version of the registered model of the same name; the alias `champion` moves to it last.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

# Before the import, which reads them: nothing is sent anywhere, and a store that is away is told within seconds.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gateway.references.store_uri import without_credentials

try:
    import mlflow
except ImportError:
    mlflow = None

ALIAS = "champion"
SERVED = "served"
URI = "GATEWAY_MLFLOW_URI"
MLRUNS = Path(__file__).resolve().parents[1] / "mlruns"
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """
    Hold what one training leaves behind.

    `files` are those of the model's folder, the artifact first. `model` is the native object that the `flavour` of
    MLflow logs (`xgboost`, `lightgbm`, `sklearn`, `h2o`), `rows` and `answers` are golden, for its signature.
    """

    name: str
    flavour: str
    model: Any
    files: Sequence[Path]
    metrics: Mapping[str, Any]
    parameters: Mapping[str, Any]
    rows: Any
    answers: Any
    plots: Sequence[Path] = field(default_factory=list)


def store() -> str:
    """Return the address of the store; it may hold a password."""
    return os.environ.get(URI) or f"{_SQLITE}{MLRUNS / 'mlflow.db'}"


def shown_store() -> str:
    """Return the address as a person may see it."""
    return without_credentials(store())


def open_store() -> None:
    """Reach the store, before minutes are spent on a training that nobody could record; exit with a word if not."""
    if mlflow is None:
        raise SystemExit(
            "no MLflow here: trainings are recorded by it, in a virtualenv of its own\n"
            "fix: make train; or, for one model, .venv-train/bin/python -m models.<name>.train"
        )
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    address = store()
    if (home := _sqlite_home(address)) is not None:
        home.mkdir(parents=True, exist_ok=True)
    try:
        mlflow.set_tracking_uri(address)
        mlflow.set_registry_uri(address)
        mlflow.MlflowClient().search_experiments(max_results=1)
    except Exception as exc:  # what a store raises is not bounded: drivers, HTTP, MLflow's own
        raise SystemExit(
            f"{URI}={shown_store()}: the MLflow store cannot be used: {_first_line(exc, address)}\n"
            f"fix: start it, correct {URI}, or unset that for {_SQLITE}mlruns/mlflow.db"
        ) from None


def _first_line(error: Exception, address: str) -> str:
    """Return what an error says first, without what opens the store."""
    text = str(error).replace(address, shown_store())
    return without_credentials(next(iter(text.splitlines()), type(error).__name__))


def show(port: int) -> None:
    """Become MLflow's page of the store, on loopback only."""
    address = store()
    if address.startswith(("http://", "https://")):
        raise SystemExit(f"{URI}={shown_store()}: that server has the page itself; open {shown_store()}")
    open_store()
    home = _sqlite_home(address)
    artifacts = ["--default-artifact-root", (home / "artifacts").as_uri()] if home is not None else []
    os.environ["MLFLOW_BACKEND_STORE_URI"] = address  # every user of the machine sees the options of a process
    options = ["--host", "127.0.0.1", "--port", str(port), *artifacts]
    print(f"MLflow shows {shown_store()} on http://127.0.0.1:{port} (Ctrl+C ends it)", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *options])  # noqa: S606 - no shell is wanted


def record(run: Run) -> str:
    """Write the run, register its model, move the alias; return `<name> version <number>, run <id>`."""
    open_store()  # else MLflow would write into a store of its own
    mlflow.set_experiment(experiment_id=_experiment(run.name))
    with mlflow.start_run(run_name=run.name) as active:
        mlflow.log_params(_flat({"data": run.metrics["data"], **run.parameters}))
        mlflow.log_metrics({name: float(value) for name, value in run.metrics["figures"].items()})
        mlflow.set_tags({"data.sha256": run.metrics["data"]["sha256"], "artifact": run.files[0].name})
        if board := run.metrics.get("leaderboard"):
            mlflow.log_table({key: [row[key] for row in board] for key in board[0]}, "leaderboard.json")
        mlflow.log_dict(_environment(), "environment.json")
        for path in run.files:
            mlflow.log_artifact(str(path), SERVED)
        for path in run.plots:
            mlflow.log_artifact(str(path), "plots")
        logged = _log_model(run)
        version = mlflow.register_model(logged.model_uri, run.name).version
        mlflow.MlflowClient().set_registered_model_alias(run.name, ALIAS, version)
    return f"{run.name} version {version}, run {active.info.run_id}"


def _experiment(name: str) -> str:
    """Return the id of the experiment; artifacts of a SQLite store lie beside its file, whatever folder we run in."""
    if (found := mlflow.get_experiment_by_name(name)) is not None:
        return str(found.experiment_id)
    home = _sqlite_home(store())
    return str(mlflow.create_experiment(name, artifact_location=home and (home / "artifacts").as_uri()))


def _sqlite_home(address: str) -> Path | None:
    return Path(address.removeprefix(_SQLITE)).resolve().parent if address.startswith(_SQLITE) else None


def _log_model(run: Run) -> Any:
    """Log the native object; its folder holds golden rows and card too, and the requirements that made it."""
    options = {
        "name": "model",
        "signature": _signature(run),
        "pip_requirements": [f"{name}=={number}" for name, number in _packages(run.metrics["versions"])],
        "extra_files": [str(path) for path in run.files[1:]],
    }
    if run.flavour == "sklearn":
        options |= {"serialization_format": "skops", "skops_trusted_types": ["numpy.dtype"]}
    return getattr(mlflow, run.flavour).log_model(run.model, **options)


def _signature(run: Run) -> Any:
    """Return the signature; MLflow's hint on whole numbers is about columns with gaps, which labels have not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
        return mlflow.models.infer_signature(run.rows, run.answers)


def _packages(versions: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, number) for name, number in versions.items() if name != "python"]


def _environment() -> dict[str, Any]:
    found = {package.metadata["Name"]: package.version for package in distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": dict(sorted(found.items(), key=lambda pair: pair[0].lower())),
    }


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return nested values under dotted names, as parameters are flat."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        inner = _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
        flat |= inner
    return flat


if __name__ == "__main__":
    show(int(sys.argv[1]))
