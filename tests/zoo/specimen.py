"""
What one animal of the zoo is: a name, a way to grow it, rows, and the answers of its own library.

Knows no gateway: nothing here or in the growing modules imports it, so the expected answers cannot be its own.
"""

import hashlib
import json
import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skops.io

#: Difference that float64 sums in another order (one row or many) may show.
EXACT = 1e-9


class Unavailable(Exception):
    """Say why an animal cannot be grown on this machine."""


@dataclass
class Grown:
    """
    Hold an artifact and what is expected of it.

    Either `answers` has one JSON value per row, or `refused` is the code of the problem and `says` words of its text.
    `alone` is the answer to the first row sent by itself, where the library sums in another order than for a batch and
    rounds otherwise (float32). `entry` has further keys of the route. `bad` pairs rows with the code of the fault that they must be answered with.
    """

    artifact: str
    rows: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    alone: list[Any] = field(default_factory=list)
    entry: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    says: str = ""
    tolerance: float = EXACT
    bad: list[tuple[Any, str]] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Species:
    """Name a way to grow an artifact; `core` ones are grown by every test run."""

    name: str
    title: str
    grow: Callable[[Path], Grown]
    core: bool

    @property
    def family(self) -> str:
        """Return the part of the name before the first dash."""
        return self.name.partition("-")[0]


ZOO: dict[str, Species] = {}


def species(name: str, *, core: bool = False) -> Callable[[Callable[[Path], Grown]], Callable[[Path], Grown]]:
    """Enter a function into the zoo; its docstring is the title in the table."""

    def enter(grow: Callable[[Path], Grown]) -> Callable[[Path], Grown]:
        if name in ZOO:
            raise ValueError(f"{name} is there twice")
        ZOO[name] = Species(name, (grow.__doc__ or "").strip().rstrip("."), grow, core)
        return grow

    return enter


def plain(value: Any) -> Any:
    """Return a value as JSON has it: numpy's scalars as Python's own, NaN and infinity as null."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return None if value is pd.NA or value is pd.NaT else value


def key_of(label: Any) -> str:
    """Return a label as the key of a JSON object."""
    label = plain(label)
    return json.dumps(label) if isinstance(label, bool) else str(label)


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Return a frame, or a matrix under the made-up names x0, x1, …, as JSON objects; missing values are null."""
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table, columns=names_of(table))
    columns = {str(name): [plain(value) for value in frame[name].tolist()] for name in frame}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def names_of(matrix: Any) -> list[str]:
    """Return the names that the gateway makes up."""
    return [f"x{i}" for i in range(np.shape(matrix)[1])]


def labelled(values: Any, probabilities: Any = None, labels: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Return the default answers of a classifier."""
    found = [{"prediction": plain(value)} for value in np.asarray(values).tolist()]
    if probabilities is None:
        return found
    keys = [key_of(label) for label in np.asarray(labels).tolist()]
    for answer, row in zip(found, np.asarray(probabilities, dtype=np.float64).tolist(), strict=True):
        answer["probabilities"] = dict(zip(keys, plain(row), strict=True))
    return found


def classified(model: Any, rows: Any) -> list[dict[str, Any]]:
    """Ask a classifier for labels, and for probabilities where it has them."""
    if not hasattr(model, "predict_proba"):
        return labelled(model.predict(rows))
    return labelled(model.predict(rows), model.predict_proba(rows), model.classes_)


def valued(values: Any) -> list[dict[str, Any]]:
    """Return the default answers of a regressor; several outputs are called y0, y1, …."""
    found = np.asarray(values)
    if found.ndim > 1 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 1:
        return [{"prediction": plain(value)} for value in found.astype(np.float64).tolist()]
    return [{"prediction": {f"y{i}": plain(one) for i, one in enumerate(row)}} for row in found.tolist()]


def regressed(model: Any, rows: Any) -> list[dict[str, Any]]:
    """Ask a regressor."""
    return valued(model.predict(rows))


def several_labels(values: Any, probabilities: Any = None) -> list[dict[str, Any]]:
    """Return the default answers of a multi-label classifier: 0 or 1 per output, and the probability of 1."""
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    found: list[dict[str, Any]] = [
        {"prediction": {f"y{i}": one for i, one in enumerate(row)}} for row in dense.astype(int).tolist()
    ]
    if probabilities is not None:
        for answer, row in zip(found, np.asarray(probabilities, dtype=np.float64).tolist(), strict=True):
            answer["probabilities"] = {f"y{i}": one for i, one in enumerate(row)}
    return found


def pinned(path: Path) -> dict[str, Any]:
    """Return the keys that a pickle needs."""
    return {"allow_pickle": True, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def as_skops(folder: Path, model: Any, name: str = "model.skops", **options: Any) -> dict[str, Any]:
    """Save a model as skops and return the artifact's keys."""
    skops.io.dump(model, folder / name, **options)
    return {"artifact": name}


def as_joblib(folder: Path, model: Any, name: str = "model.joblib", **options: Any) -> dict[str, Any]:
    """Save a model with joblib and return the artifact's keys."""
    joblib.dump(model, folder / name, **options)
    return {"artifact": name, "entry": pinned(folder / name)}


def as_pickle(folder: Path, model: Any, name: str = "model.pkl", protocol: int = 5) -> dict[str, Any]:
    """Save a model with pickle and return the artifact's keys."""
    (folder / name).write_bytes(pickle.dumps(model, protocol=protocol))
    return {"artifact": name, "entry": pinned(folder / name)}


#: What has to be ended when all is grown, such as the H2O server.
_CLOSERS: list[Callable[[], None]] = []


def at_end(close: Callable[[], None]) -> None:
    """Call `close` when everything is grown."""
    _CLOSERS.append(close)


def close_all() -> None:
    """End what was started for growing."""
    while _CLOSERS:
        _CLOSERS.pop()()
