"""Reading the College Scorecard rows: the three extracts joined, or one file in the authors' columns."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from models import training
from models.earnings.columns import COLUMNS, LEVELS, NUMBERS, TARGET

MAIN = "college-scorecard-holdout-v3.csv"  # no public colleges
WITH_PUBLIC = ("college-scorecard-holdout-v1.csv", "college-scorecard-holdout-v2.csv")
CREDENTIALS = {
    "1": "Undergraduate Certificate or Diploma",
    "2": "Associate's Degree",
    "3": "Bachelors Degree",
    "4": "Post-baccalaureate Certificate",
    "5": "Master's Degree",
    "6": "Doctoral Degree",
    "7": "First Professional Degree",
    "8": "Graduate/Professional Certificate",
}


def load(source: str, target: str = TARGET) -> tuple[pd.DataFrame, dict[str, Any]]:
    """
    Return distinct rows in model columns and their origin; unknown numbers are NaN, codes are text ("1", never 1.0).

    A folder must hold the three extracts; anything else is one CSV, whose column `target` holds the earnings.
    """
    names = (MAIN, *WITH_PUBLIC)
    paths = [str(Path(source) / name) for name in names] if Path(source).is_dir() else [source]
    contents = [training.read_bytes(path) for path in paths]
    tables = [_read(content, path, target) for content, path in zip(contents, paths, strict=True)]
    joined = pd.concat([tables[0], *(table[table["CONTROL"] == "Public"] for table in tables[1:])])
    origin = {"source": ", ".join(Path(path).name for path in paths), "sha256": training.fingerprint(*contents)}
    return joined.drop_duplicates().reset_index(drop=True), origin


def _read(content: bytes, path: str, target: str) -> pd.DataFrame:
    """Read everything as text first: pandas would turn codes with gaps into 1.0."""
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=["", "NaN", "nan"])
    table = table.rename(columns={"truth": TARGET, target: TARGET})
    if "CIPDESC_new" not in table:
        table = table.rename(columns={"CIPDESC": "CIPDESC_new"})
    if "CREDDESC" not in table and "CREDLEV" in table:
        table["CREDDESC"] = table["CREDLEV"].map(CREDENTIALS)
    if missing := [name for name in (*COLUMNS, TARGET) if name not in table]:
        raise SystemExit(f"{path}: no column {', '.join(missing)}; expected {', '.join((*COLUMNS, TARGET))}")
    table = table[[*COLUMNS, TARGET]].astype(object)
    for name in (*NUMBERS, TARGET):
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(float)
    for name in NUMBERS:
        table[name] = table[name].where(table[name] != 0)  # the authors filled unknown values with 0
    for name in LEVELS:
        table[name] = table[name].str.removesuffix(".0") if name in ("REGION", "LOCALE") else table[name]
    return table.dropna(subset=[TARGET])
