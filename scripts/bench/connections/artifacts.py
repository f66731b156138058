"""Where the two small models of this measurement lie and what a row of theirs looks like."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("BENCH_BUILD", REPOSITORY / "build" / "bench-connections"))
ONNX = BUILD / "pipeline.onnx"
MOJO = BUILD / "gbm.zip"
JAR = BUILD / "scoring.jar"

CATEGORIES: dict[str, list[str]] = {
    "region": ["north", "south", "east", "west"],
    "sector": ["public", "private", "profit"],
    "degree": ["none", "bachelor", "master", "doctor"],
    "size": ["small", "medium", "large"],
    "online": ["yes", "no"],
}
NUMBERS = ["cost", "rate", "debt"]
ROW: dict[str, str | float] = {
    "region": "east", "sector": "private", "degree": "master", "size": "large", "online": "no",
    "cost": 21500.0, "rate": 0.61, "debt": 14200.0,
}  # fmt: skip
