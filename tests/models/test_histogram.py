"""The counts beside the earnings model are those of its training data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from college_scorecard import distinct_rows, needs_data
from gateway.artifacts.binned_counts import BinnedCounts, levels_key, read

FILE = Path(__file__).resolve().parents[2] / "models" / "earnings" / "histogram.json"


@needs_data
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
