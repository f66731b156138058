"""The H2O server that grows MOJOs: one table, rows to ask, answers as the server itself writes them."""

import contextlib
import csv
import io
import socket
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .data import ROWS, TEST, people
from .specimen import Grown, Unavailable, at_end, labelled, valued

FEATURES = ["age", "income", "region", "rooms"]
TYPES = {"age": "real", "income": "real", "region": "enum", "rooms": "real"}
SEED: dict[str, Any] = {"seed": 1}


def _free_pair() -> int:
    """Return a free port whose successor is free, too: H2O takes both."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            return int(first.getsockname()[1])
    raise Unavailable("no two free ports in a row for the H2O server")


@lru_cache(maxsize=1)
def server() -> Any:
    """Start the server once; it ends when all is grown."""
    try:
        import h2o
    except ImportError as error:
        raise Unavailable("the package h2o is not installed") from error
    # A port of its own: on a used one h2o would join, and at the end shut down, somebody else's server.
    h2o.init(nthreads=1, max_mem_size="1g", bind_to_localhost=True, port=_free_pair(), log_level="WARN")
    h2o.no_progress()
    at_end(lambda: h2o.cluster().shutdown())
    return h2o


@lru_cache(maxsize=1)
def table() -> Any:
    frame = people(*FEATURES)
    score = (frame.age - 18) / 70 + 0.2 * (frame.region == "east") + 0.05 * frame.rooms
    noise = np.random.default_rng(4).normal(0, 0.2, ROWS)
    frame["two"] = np.where(score + noise > 0.85, "yes", "no")
    frame["three"] = np.select([score + noise > 1, score + noise > 0.7], ["c high", "b middle"], "a low")
    frame["value"] = (100 * (score + noise)).round(3)
    frame["positive"] = np.exp(score + noise).round(4)
    frame["count"] = np.floor(3 * (score + noise)).clip(0)
    frame["share"] = (score / score.max()).clip(0.01, 0.99)
    frame["zero_one"] = (frame.two == "yes").astype(int)
    frame["shift"] = (frame.rooms / 10).round(2)
    frame["when"] = np.arange(1, ROWS + 1)
    targets = {"two": "enum", "three": "enum", "value": "real", "positive": "real", "count": "real", "share": "real"}
    targets |= {"zero_one": "real", "shift": "real", "when": "real"}
    return _frame(frame, TYPES | targets)


def _frame(frame: Any, types: dict[str, str]) -> Any:
    columns = {name: [None if value != value else value for value in frame[name].tolist()] for name in types}
    return server().H2OFrame(columns, column_names=list(types), column_types=types, na_strings=["", "NA"])


def asked(*more: str, region: str = "") -> tuple[list[dict[str, Any]], Any]:
    """Return rows with holes and an all-missing one, and the same as a frame of the server."""
    frame = people(*FEATURES)[:TEST].astype({"rooms": float})
    frame.loc[[1, 2], "age"] = np.nan
    frame.loc[[2, 3], "region"] = np.nan
    frame.loc[[4], ["age", "income", "region", "rooms"]] = np.nan
    if region:
        frame["region"] = region
    if "shift" in more:
        frame["shift"] = np.linspace(0, 1, TEST).round(2)
    kept = [*FEATURES, *more]
    rows = [
        {name: None if value != value else value for name, value in zip(kept, row, strict=True)}
        for row in frame[kept].itertuples(index=False)
    ]
    # One frame must have the levels that were trained on; H2O adapts others by name.
    return rows, _frame(frame, TYPES | dict.fromkeys(more, "real"))


def answers(model: Any, frame: Any) -> tuple[list[str], list[list[str]]]:
    """Return what the server predicts as it writes it: header and cells."""
    found = model.predict(frame)
    lines = list(csv.reader(io.StringIO(found.get_frame_data())))
    return lines[0], lines[1:]


def export(folder: Path, model: Any) -> None:
    """Save a model as MOJO; raises Unavailable where H2O has none of its kind."""
    try:
        Path(model.save_mojo(str(folder), force=True)).rename(folder / "model.zip")
    except server().exceptions.H2OValueError as reason:
        raise Unavailable(f"H2O exports no MOJO of it: {str(reason).splitlines()[0][:100]}") from reason


def number(text: str = "") -> float:
    """Return a cell as a number; an empty line is a missing one."""
    return float(text) if text not in {"", "NA"} else float("nan")


def grown(folder: Path, model: Any, *more: str) -> Grown:
    """Export a model that is trained and ask the server."""
    rows, frame = asked(*more)
    header, cells = answers(model, frame)
    export(folder, model)
    if len(header) == 1:
        return Grown("model.zip", rows, valued(np.array([number(*row) for row in cells])))
    # The response of a family of shares is a number; its MOJO calls the two classes 0 and 1.
    domain = model._model_json["output"]["domains"][-1] or ["0", "1"]
    probabilities = [[number(text) for text in row[1 : 1 + len(domain)]] for row in cells]
    return Grown("model.zip", rows, labelled([row[0] for row in cells], probabilities, domain))


def fit(estimator: str, target: str | None, *, also: dict[str, Any] | None = None, **parameters: Any) -> Any:
    """Train a model of one estimator on the table."""
    estimators = __import__("h2o.estimators", fromlist=[estimator])
    server()
    model = getattr(estimators, estimator)(**parameters)
    model.train(x=FEATURES, y=target, training_frame=table(), **(also or {}))
    return model
