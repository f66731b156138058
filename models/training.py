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
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GOLDEN_VERSION = 1


class Job(NamedTuple):
    """Where one run reads from (`None`: the script's own synthetic data) and writes to."""

    data: str | None
    out: Path


def data_home() -> Path:
    """Return the folder of the public data sets: $GATEWAY_DATA, else `../shared/data` beside the repository."""
    return Path(os.environ.get("GATEWAY_DATA") or ROOT / ".." / "shared" / "data").resolve()


def read_job(script: str, description: str, accepts: str, default: str | None) -> Job:
    """
    Parse the command line of a training script.

    `default` names a file of the data home, or "" for the folder itself, or None for synthetic data.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", metavar="PATH_OR_URL", help=accepts)
    parser.add_argument("--out", type=Path, default=Path(script).resolve().parent, help="folder to write to")
    options = parser.parse_args()
    source = options.data or (None if default is None else str(data_home() / default))
    options.out.mkdir(parents=True, exist_ok=True)
    return Job(source, options.out)


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


def fingerprint(*contents: bytes) -> str:
    """Return the sha256 of the contents, one after the other."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


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
