"""
What every training script shares: its command line, its source of data, the files it leaves behind.

Knows nothing of any model or framework.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GOLDEN_VERSION = 1
#: The package of the module xgboost.
XGBOOST = "xgboost-cpu" if sys.platform == "linux" else "xgboost"


class Job(NamedTuple):
    """
    Where one run reads from (`None`: the script's own synthetic data) and writes to, and what it predicts.

    `max_models` and `max_runtime` (seconds, 0: no clock) bound a search; scripts without one do not ask for them.
    """

    data: str | None
    out: Path
    target: str
    max_models: int = 0
    max_runtime: int = 0


def data_home() -> Path:
    """Return the folder of the public data sets: $GATEWAY_DATA, else `../shared/data` beside the repository."""
    return Path(os.environ.get("GATEWAY_DATA") or ROOT / ".." / "shared" / "data").resolve()


def read_job(
    script: str, description: str, accepts: str, default: str | None, *, target: str, max_models: int | None = None
) -> Job:
    """
    Parse the command line of a training script.

    `default` names a file of the data home, or "" for the folder itself, or None for synthetic data. `max_models` is
    how many models a search tries; None for a script that does not search.
    """
    parser = argparse.ArgumentParser(prog=f"python -m models.{Path(script).resolve().parent.name}.train")
    parser.description = description
    parser.add_argument("--data", metavar="PATH_OR_URL", help=accepts)
    parser.add_argument("--target", default=target, metavar="COLUMN", help=f"column to predict (default: {target})")
    parser.add_argument("--out", type=Path, default=Path(script).resolve().parent, help="folder to write to")
    if max_models is not None:
        parser.add_argument(
            "--max-models", type=_count, default=max_models, help=f"models that AutoML tries (default: {max_models})"
        )
        parser.add_argument(
            "--max-runtime",
            type=_count,
            default=0,
            metavar="SECONDS",
            help="limit of AutoML's time (default: 0, none: a clock makes runs unrepeatable)",
        )
    options = parser.parse_args()
    source = options.data or (None if default is None else str(data_home() / default))
    if options.target != target and options.data is None:
        parser.error(
            f"--target {options.target}: the data of this folder has the target {target}; fix: pass --data too"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    bounds = (options.max_models, options.max_runtime) if max_models is not None else ()
    return Job(source, options.out, options.target, *bounds)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("below zero")
    return number


def read_bytes(source: str) -> bytes:
    """Return the content of a path or of an http(s)/file URL."""
    if source.startswith(("http://", "https://", "file://")):
        with urllib.request.urlopen(source, timeout=60) as answer:
            content: bytes = answer.read()
        return content
    if not Path(source).is_file():
        raise SystemExit(
            f"{source}: no such file; expected the training data\n"
            "fix: pass --data PATH_OR_URL, or set GATEWAY_DATA to the folder that holds it"
        )
    return Path(source).read_bytes()


def columns_of(table: Any, names: Sequence[str]) -> Any:
    """Return these columns of a data frame, in this order; exit with a word where it lacks one."""
    if missing := [name for name in names if name not in table]:
        raise SystemExit(
            f"no column {', '.join(missing)} in the data; it has {', '.join(map(str, table.columns))}\n"
            f"fix: expected {', '.join(names)}; --target names the column to predict"
        )
    return table[list(names)]


def fingerprint(*contents: bytes) -> str:
    """Return the sha256 of the contents, one after the other."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def fingerprint_of(table: Any) -> str:
    """Return the sha256 of a data frame, as CSV."""
    return fingerprint(table.to_csv(index=False).encode())


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of the packages that made an artifact."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def write_golden(
    folder: Path, instances: Sequence[Mapping[str, Any]], predictions: Sequence[Mapping[str, Any]]
) -> None:
    """Write `golden.json`: inputs in the artifact's own names and the native library's answers to them."""
    rows = [{name: plain(value) for name, value in row.items()} for row in instances]
    write_json(folder / "golden.json", {"version": GOLDEN_VERSION, "instances": rows, "predictions": list(predictions)})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON that never holds NaN."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a value as JSON knows it; NaN, the models' sign of a missing value, becomes None."""
    return None if isinstance(value, float) and math.isnan(value) else value


def classified(label: Any, probabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Return one golden prediction of a classifier; `label` keeps its native type."""
    return {"label": label, "probabilities": {name: float(p) for name, p in probabilities.items()}}
