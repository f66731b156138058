"""Small made-up tables with everything that real ones have: holes, levels, text, odd names."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

ROWS = 160
#: Rows that are compared; the others were trained on.
TEST = 24

_GOOD = ("a good film", "great fun, loved it", "ein schöner Film", "とても良い映画", "très bon, j'adore", "良い 10/10")
_BAD = ("a bad film", "dull and long", "ein öder Film", "つまらない映画", "mauvais… je déteste", "boring :( 1/10")


def _draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@lru_cache(maxsize=1)
def _people() -> pd.DataFrame:
    draw = _draw(11)
    frame = pd.DataFrame(
        {
            "age": draw.integers(18, 90, ROWS).astype(float),
            "income": draw.normal(30_000, 9_000, ROWS),
            "region": pd.Series(draw.choice(["east", "north", "Süd", "west"], ROWS), dtype=object),
            "degree": pd.Series(draw.choice(["none", "master"], ROWS), dtype=object),
            "rooms": draw.integers(1, 5, ROWS),
            "note": pd.Series(texts(ROWS), dtype=object),
        }
    )
    frame.loc[::7, "income"] = np.nan
    frame.loc[::9, "degree"] = np.nan
    return frame


def people(*columns: str) -> pd.DataFrame:
    """Return people with numbers (income has holes), levels (degree has holes), whole numbers and text."""
    frame = _people().copy()
    return frame[list(columns)] if columns else frame


def old_or_young() -> npt.NDArray[Any]:
    """Return a class of every person."""
    return np.where(_people().age > 52, "old", "young").astype(object)


def worth() -> npt.NDArray[Any]:
    """Return a value of every person."""
    frame = _people()
    return np.asarray(frame.age * 100 + frame.rooms * 50 + frame.income.fillna(0) / 100)


def texts(count: int = ROWS) -> list[str]:
    """Return short texts in several scripts."""
    draw = _draw(5)
    return [
        f"{(_GOOD if i % 2 else _BAD)[draw.integers(6)]} {draw.choice(['!', '?', 'x1', 'ABC'])}" for i in range(count)
    ]


def moods(count: int = ROWS) -> npt.NDArray[Any]:
    """Return a class of every text."""
    return np.array(["good" if i % 2 else "bad" for i in range(count)], dtype=object)


#: Texts that no model has seen: blank, emoji, accents in both normal forms, very long, a quote and a newline.
ODD_TEXTS = ["   ", "🎬🍿 loved", "schöner scho\u0308ner", "word " * 300, 'a "quote"\nand more', "ＡＢＣ", "０１２"]


def matrix(columns: int = 4, *, holes: bool = False, seed: int = 3) -> npt.NDArray[np.float64]:
    """Return numbers without names."""
    rows = _draw(seed).normal(size=(ROWS, columns)).round(3)
    if holes:
        rows[::5, 1] = np.nan
        rows[::11, columns - 1] = np.nan
    return rows


def classes(rows: npt.NDArray[np.float64], labels: Any) -> npt.NDArray[Any]:
    """Return one of the labels for every row, by its first two columns."""
    labels = np.asarray(labels)
    score = np.nan_to_num(rows[:, 0]) + 0.4 * np.nan_to_num(rows[:, 1])
    return np.asarray(labels[np.digitize(score, np.quantile(score, np.linspace(0, 1, len(labels) + 1)[1:-1]))])


def values(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a value of every row."""
    return 3 * np.nan_to_num(rows[:, 0]) - np.nan_to_num(rows[:, 1]) ** 2 + 10
