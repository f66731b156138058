"""The counts beside the earnings model are those of its training data."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from gateway.artifacts.binned_counts import BinnedCounts, levels_key, read
from models.earnings.extract import CREDENTIALS
from models.training import data_home

FILE = Path(__file__).resolve().parents[2] / "models" / "earnings" / "histogram.json"
NAMES = [f"college-scorecard-holdout-v{number}.csv" for number in (3, 1, 2)]


def distinct_rows() -> set[tuple[str | float, ...]]:
    """Return the training rows as the card describes them, read without the code that trained the model."""
    numbers = ("SAT_AVG_ALL", "tuition", "ADM_RATE_ALL")
    levels = ("CREDDESC", "CIPDESC_new", "CONTROL", "REGION", "LOCALE")
    rows = set()
    for name in NAMES:
        with (data_home() / name).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                row.setdefault("CIPDESC_new", row.get("CIPDESC", ""))
                if "CREDDESC" not in row:
                    row["CREDDESC"] = CREDENTIALS[row["CREDLEV"].removesuffix(".0")]
                if name == NAMES[0] or row["CONTROL"] == "Public":
                    texts = (row[name].removesuffix(".0") for name in levels)
                    rows.add((*texts, *(float(row[name] or 0) for name in (*numbers, "truth"))))
    return rows


@pytest.mark.skipif(not (data_home() / NAMES[0]).is_file(), reason=f"no {NAMES[0]} in {data_home()} (GATEWAY_DATA)")
@pytest.mark.parametrize(("series", "fields"), [(0, 1), (1, 2)])
def test_counts_are_those_of_the_data(series: int, fields: int) -> None:
    """Each bin of $1,000 holds as many rows as the files of the data have, for each credential and field in it."""
    wanted: dict[tuple[str, ...], Counter[int]] = {}
    for row in distinct_rows():
        levels = [str(level) for level in row[:fields]]
        wanted.setdefault(levels_key(list(levels)), Counter())[int(float(row[-1]) // 1000)] += 1
    found = read(FILE)
    assert {levels: Counter(dict(group.bins)) for levels, group in found.by_levels[series].items()} == wanted


def test_each_series_counts_every_row() -> None:
    """Both histograms are of all 4,675 rows that the card names."""
    found: BinnedCounts = read(FILE)
    metrics = json.loads((FILE.parent / "metrics.json").read_text(encoding="utf-8"))
    for series in found.series:
        assert sum(count for group in series.groups for _, count in group.bins) == metrics["data"]["rows"]
