"""The rows that the earnings model was trained on, read without the code that trained it."""

from __future__ import annotations

import csv
from typing import Final

import pytest

from models.earnings.extract import CREDENTIALS
from models.training import data_home

NAMES: Final = [f"college-scorecard-holdout-v{number}.csv" for number in (3, 1, 2)]
needs_data = pytest.mark.skipif(
    not (data_home() / NAMES[0]).is_file(), reason=f"no {NAMES[0]} in {data_home()} (GATEWAY_DATA)"
)


def distinct_rows() -> set[tuple[str | float, ...]]:
    """Return the training rows as the card describes them: five levels, four numbers, the last one the earnings."""
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
