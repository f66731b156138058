"""
Synthetic policy holders with the published schema of the insurance cross-sell data.

Columns, types, levels, ranges and the 12 % of positive answers are the published ones; the shares of the levels are
rounded from descriptions of that data, and the rule of the answer below is this file's own, shaped after what is known
of it (insured holders and undamaged cars hardly ever say yes). Not one row belongs to a person.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

TARGET = "Response"
FEATURES = (
    "Gender",
    "Age",
    "Driving_License",
    "Region_Code",
    "Previously_Insured",
    "Vehicle_Age",
    "Vehicle_Damage",
    "Annual_Premium",
    "Policy_Sales_Channel",
    "Vintage",
)
FIRST_ID = 381_110  # the ids of the original's unlabelled rows start here

REGIONS = [str(code) for code in range(53)]
REGION_SHARE = {"28": 0.28, "8": 0.09, "46": 0.05, "41": 0.05, "15": 0.035, "30": 0.03, "29": 0.03, "50": 0.027}
_NO_CHANNEL = {5, 33, 43, 50, 72, 77, 83, 85, 112, 123, 126, 141, 142, 144}  # codes that the original never uses
CHANNELS = [str(code) for code in (*range(1, 161), 163) if code not in _NO_CHANNEL]
# channel: (share under 30 years, share from 30 on): young holders are sold to by other means
CHANNEL_SHARE = {
    "152": (0.66, 0.15),
    "160": (0.14, 0.002),
    "26": (0.05, 0.32),
    "124": (0.02, 0.31),
    "156": (0.02, 0.035),
    "122": (0.01, 0.04),
    "157": (0.01, 0.023),
    "154": (0.005, 0.023),
    "151": (0.005, 0.014),
    "163": (0.005, 0.01),
}
CHANNEL_EFFECT = {"152": -0.7, "160": -1.4, "26": 0.3, "124": 0.2, "156": 0.4, "157": 0.6, "154": 0.5, "163": 0.7}
REGION_EFFECT = {"28": 0.35, "8": -0.2, "46": -0.15, "15": -0.3, "50": -0.35, "41": 0.2}
VEHICLE_EFFECT = {"< 1 Year": -0.5, "1-2 Year": 0.0, "> 2 Years": 0.25}


def generate(rows: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """
    Return holders, `id` first and the target last, and the true probability of a yes of each.

    Every region and channel occurs at least once, so that a model knows all levels of the original.
    """
    rng = np.random.default_rng(seed)
    age = _ages(rng, rows)
    young = age < 30
    insured = rng.random(rows) < np.where(young, 0.62, 0.34)
    damaged = np.where(insured, rng.random(rows) < 0.12, rng.random(rows) < 0.86)
    table = pd.DataFrame(
        {
            "id": np.arange(FIRST_ID, FIRST_ID + rows),
            "Gender": np.where(rng.random(rows) < 0.54, "Male", "Female"),
            "Age": age,
            "Driving_License": (rng.random(rows) < 0.998).astype(int),
            "Region_Code": _codes(rng, REGIONS, REGION_SHARE, rows),
            "Previously_Insured": insured.astype(int),
            "Vehicle_Age": _vehicle_ages(rng, young),
            "Vehicle_Damage": np.where(damaged, "Yes", "No"),
            "Annual_Premium": _premiums(rng, rows),
            "Policy_Sales_Channel": _channels(rng, young),
            "Vintage": rng.integers(10, 300, rows),
        }
    )
    probability = yes_probability(table)
    table[TARGET] = (rng.random(rows) < probability).astype(int)
    return table, probability


def yes_probability(table: pd.DataFrame) -> Any:
    """Return the rule: insured or undamaged is nearly a no, else age (highest in the forties), channel, region, car."""
    log_odds = (
        -0.75
        - 4.5 * table["Previously_Insured"]
        - 3.0 * (table["Vehicle_Damage"] == "No")
        - 1.0 * (table["Driving_License"] == 0)
        - 0.6 * ((table["Age"] - 43) / 18) ** 2
        + 0.12 * (table["Gender"] == "Male")
        + 0.15 * (table["Annual_Premium"] > 40_000)
        + table["Vehicle_Age"].map(VEHICLE_EFFECT)
        + table["Policy_Sales_Channel"].map(CHANNEL_EFFECT).fillna(0.0)
        + table["Region_Code"].map(REGION_EFFECT).fillna(0.0)
    )
    return (1 / (1 + np.exp(-log_odds))).to_numpy()


def _ages(rng: np.random.Generator, rows: int) -> Any:
    """Two humps, at 24 and at 46, between 20 and 85."""
    ages = np.where(rng.random(rows) < 0.42, 20 + rng.gamma(3.0, 1.5, rows), rng.normal(48.0, 12.0, rows))
    return np.clip(np.round(ages), 20, 85).astype(int)


def _vehicle_ages(rng: np.random.Generator, young: Any) -> Any:
    draw = rng.random(len(young))
    old = np.select([draw < 0.10, draw < 0.93], ["< 1 Year", "1-2 Year"], "> 2 Years")
    return np.where(young, np.where(draw < 0.90, "< 1 Year", "1-2 Year"), old)


def _premiums(rng: np.random.Generator, rows: int) -> Any:
    """One in six pays the minimum; the rest is lognormal with a median of 33,500."""
    paid = np.clip(np.round(rng.lognormal(np.log(33_500.0), 0.33, rows)), 2_630.0, 540_165.0)
    return np.where(rng.random(rows) < 0.17, 2_630.0, paid)


def _channels(rng: np.random.Generator, young: Any) -> Any:
    under, over = (
        _codes(rng, CHANNELS, {code: pair[side] for code, pair in CHANNEL_SHARE.items()}, len(young)) for side in (0, 1)
    )
    return np.where(young, under, over)


def _codes(rng: np.random.Generator, levels: list[str], shares: dict[str, float], rows: int) -> Any:
    """Draw the named shares; the other levels divide the rest, each half as likely again as one ten ranks later."""
    others = [level for level in levels if level not in shares]
    weights = 1.5 ** (-np.arange(len(others)) / 10)
    rest = (1 - sum(shares.values())) * weights / weights.sum()
    probabilities = dict(shares) | dict(zip(others, rest, strict=True))
    codes = rng.choice(np.array(levels, dtype=object), rows, p=[probabilities[level] for level in levels])
    codes[: len(levels)] = levels[:rows]
    return codes
