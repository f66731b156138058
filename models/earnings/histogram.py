"""
Count the rows of the earnings data in bins of $1,000, for each credential and for each field of study within it.

`python -m models.earnings.histogram [--data FOLDER] [--out DIR]` writes histogram.json, which `plot` of the route names
(docs/registry.md). A row is a programme of a college with its published median, no person, so groups of one row stay.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import training
from models.earnings.columns import TARGET
from models.earnings.extract import load

WIDTH = 1000
FILE = "histogram.json"
SERIES = (("All Fields", ["CREDDESC"]), ("{CIPDESC_new}", ["CREDDESC", "CIPDESC_new"]))


def counts(table: pd.DataFrame) -> dict[str, Any]:
    """Return the content of histogram.json."""
    series = [{"name": name, "by": by, "groups": _groups(table, by)} for name, by in SERIES]
    return {"version": 1, "start": 0, "width": WIDTH, "series": series}


def _groups(table: pd.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    bins = (table[TARGET] // WIDTH).astype(int).rename("bin")
    groups: dict[tuple[str, ...], list[list[int]]] = {}
    for (*levels, one), count in table.groupby([*by, bins], sort=True).size().items():
        groups.setdefault(tuple(levels), []).append([int(one), int(count)])
    return [{"of": list(levels), "bins": found} for levels, found in groups.items()]


def write(table: pd.DataFrame, folder: Path) -> None:
    """Write histogram.json, a group per line."""
    text = json.dumps(counts(table), ensure_ascii=False, separators=(",", ":"))
    (folder / FILE).write_text(
        text.replace('{"of"', '\n{"of"').replace('{"name"', '\n{"name"') + "\n", encoding="utf-8"
    )


def main() -> None:
    """Read the rows, count, write."""
    accepts = "folder of the three college-scorecard extracts, or one CSV with the eight columns and EARN_MDN_HI_2YR"
    job = training.read_job(__file__, __doc__ or "", accepts, "", target=TARGET)
    write(load(str(job.data), job.target)[0], job.out)


if __name__ == "__main__":
    main()
