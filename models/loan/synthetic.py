"""
Synthetic car-loan applications with the published schema of the loan service.

No public data exists. The columns and levels are the published ones; the amounts, shares and the rule of approval below
are this file's own invention and say nothing about any lender.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

TARGET = "application_outcome"
FEATURES = ("age_group", "car_type", "loanamount", "deposit", "area")
MISSING_SHARE = 0.02  # of each feature, so that the model has seen what a missing value is

AGE = {"Young": (0.30, -1.4), "Middle-Aged": (0.45, 0.5), "Older": (0.25, 0.9)}  # level: (share, effect on log-odds)
CAR = {"SUV": (0.35, 0.1), "Saloon": (0.45, 0.4), "Convertible": (0.20, -0.9)}
AREA = {"urban": (0.62, 0.0), "rural": (0.38, 0.4)}
MEDIAN_PRICE = {"SUV": 21_000.0, "Saloon": 14_500.0, "Convertible": 26_000.0}


def generate(rows: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """Return applications and the true probability of approval of each (before values were made missing)."""
    rng = np.random.default_rng(seed)
    age, car, area = (_draw(rng, shares, rows) for shares in (AGE, CAR, AREA))
    price = np.array([MEDIAN_PRICE[c] for c in car]) * rng.lognormal(0.0, 0.35, rows)
    share = rng.beta(2.0, 6.0, rows)
    table = pd.DataFrame(
        {
            "age_group": age,
            "car_type": car,
            "loanamount": np.round(price * (1 - share), 2),
            "deposit": np.round(price * share, 2),
            "area": area,
        }
    )
    probability = approval_probability(table)
    table[TARGET] = np.where(rng.random(rows) < probability, "approved", "declined")
    for name in FEATURES:
        table.loc[rng.random(rows) < MISSING_SHARE, name] = np.nan
    return table, probability


def approval_probability(table: pd.DataFrame) -> Any:
    """Return the rule: a logistic of age, car, area, share paid down and amount, with two bends in it."""
    share = table["deposit"] / (table["deposit"] + table["loanamount"])
    log_odds = (
        0.45
        + table["age_group"].map({level: effect for level, (_, effect) in AGE.items()})
        + table["car_type"].map({level: effect for level, (_, effect) in CAR.items()})
        + table["area"].map({level: effect for level, (_, effect) in AREA.items()})
        + 9.0 * (np.minimum(share, 0.45) - 0.2)  # beyond 45 % down, more helps no further
        - 1.5 * (table["loanamount"] - 14_000) / 8_000
        - 1.2 * ((table["age_group"] == "Young") & (table["car_type"] == "Convertible"))
    )
    return (1 / (1 + np.exp(-log_odds))).to_numpy()


def _draw(rng: np.random.Generator, shares: dict[str, tuple[float, float]], rows: int) -> Any:
    return rng.choice(np.array(list(shares), dtype=object), rows, p=[share for share, _ in shares.values()])
