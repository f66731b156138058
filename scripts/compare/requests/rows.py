"""Rows that are right, and rows that are wrong in one place. Knows the five models and the routes of the corners."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from compare.requests.dialects import Row

_WORDS: Final = (
    "a",
    "the film",
    "was",
    "boring",
    "wonderful",
    "flat plot",
    "I loved",
    "awful",
    "café",
    "映画",
    "!",
    "never again",
)
_DEGREES: Final = ("Bachelors Degree", "Associates Degree", "Doctoral Degree", "Undergraduate Certificate or Diploma")


def sentiment(dice: random.Random) -> Row:
    """Return a review."""
    return {"query": " ".join(dice.choices(_WORDS, k=dice.randint(1, 30)))}


def diabetes(dice: random.Random) -> Row:
    """Return a patient."""
    return {
        "times_pregnant": dice.randint(0, 12),
        "glucose": dice.choice([0, dice.randint(50, 200)]),
        "blood_pressure": dice.randint(40, 120),
        "skin_fold_thick": dice.randint(0, 60),
        "serum_insulin": dice.choice([0, dice.randint(20, 400)]),
        "mass_index": round(dice.uniform(18, 50), 1),
        "diabetes_pedigree": round(dice.uniform(0.05, 2), 3),
        "age": dice.randint(18, 80),
    }


def loan(dice: random.Random) -> Row:
    """Return a car loan."""
    return {
        "age_group": dice.choice(["Middle-Aged", "Older", "Young"]),
        "car_type": dice.choice(["SUV", "Saloon", "Convertible"]),
        "loanamount": dice.randint(1000, 30000),
        "deposit": dice.randint(0, 9000),
        "area": dice.choice(["rural", "urban"]),
    }


def earnings(dice: random.Random) -> Row:
    """Return a degree."""
    return {
        "SAT_AVG_ALL": dice.choice([None, dice.randint(700, 1500)]),
        "CREDDESC": dice.choice(_DEGREES),
        "CIPDESC_new": dice.choice(["English Language and Literature, General.", "Computer Science.", "Dentistry."]),
        "CONTROL": dice.choice(["Private, nonprofit", "Public", "Private, for-profit"]),
        "REGION": str(dice.randint(0, 9)),
        "tuition": dice.randint(1000, 60000),
        "LOCALE": str(dice.choice([11, 12, 13, 21, 22, 23, 31, 41])),
        "ADM_RATE_ALL": round(dice.random(), 3),
    }


def insurance(dice: random.Random) -> Row:
    """Return a customer."""
    return {
        "ID": dice.randint(1, 10**9),
        "Gender": dice.choice(["Male", "Female"]),
        "Age": dice.randint(20, 80),
        "Driving_License": 1,
        "Region_Code": str(dice.randint(0, 52)),
        "Previously_Insured": dice.randint(0, 1),
        "Vehicle_Age": dice.choice(["> 2 Years", "1-2 Year", "< 1 Year"]),
        "Vehicle_Damage": dice.choice(["Yes", "No"]),
        "Annual_Premium": dice.randint(2600, 90000),
        "Policy_Sales_Channel": str(dice.choice([26, 124, 152, 160])),
        "Vintage": dice.randint(10, 299),
    }


def echo(dice: random.Random) -> Row:
    """Return a row of /echo."""
    return {
        "number": round(dice.uniform(-10, 99), 4),
        "count": dice.randint(0, 50),
        "text": dice.choice(["some text", "ab", "grün und öl", "abcdefghijkl"]),
        "flag": dice.random() < 0.5,
        "level": dice.choice(["low", "high", "n/a", "other", None]),
        "gap": dice.choice([None, 1.5]),
    }


def sums(dice: random.Random) -> Row:
    """Return two numbers."""
    return {"a": round(dice.uniform(-1e3, 1e3), 3), "b": dice.randint(-5, 5)}


def number(dice: random.Random) -> Row:
    """Return one number."""
    return {"a": round(dice.uniform(-1e3, 1e3), 3)}


def named(dice: random.Random) -> Row:
    """Return one number with a row id."""
    return {"ID": dice.choice([f"row {dice.randint(0, 10**6)}", dice.randint(0, 10**6)]), **sums(dice)}


def coloured(dice: random.Random) -> Row:
    """Return a row of /label."""
    return {"a": dice.randint(0, 9), "colour": dice.choice(["red", "green"])}


def said(dice: random.Random) -> Row:
    """Return a text that tables have to quote."""
    return {
        "text": dice.choice(['say "hi"', "a, b", "=1+1", "two\nlines", "  ", "-5", "ünïcode 😀", "+x", "@y", "\ttab"])
    }


def greeted(dice: random.Random) -> Row:
    """Return a row of /greet."""
    return {"name": dice.choice(["Ann", "Zoë"]), "times": dice.randint(1, 3)}


def numbered(dice: random.Random) -> Row:
    """Return one number with a row id that is a text."""
    return {"ID": f"r{dice.randint(0, 10**6)}", **number(dice)}


def held(dice: random.Random) -> Row:
    """Return a row of /model."""
    return {"x": dice.randint(0, 9), "is_odd": dice.random() < 0.5}


#: Path -> what makes a row.
FIVE: Final[Mapping[str, Callable[[random.Random], Row]]] = {
    "/sentiment": sentiment,
    "/diabetes": diabetes,
    "/loan": loan,
    "/earnings": earnings,
    "/insurance": insurance,
}
CORNERS: Final[Mapping[str, Callable[[random.Random], Row]]] = {
    "/sum": sums,
    "/text": said,
    "/label": coloured,
    "/two": number,
    "/tags": number,
    "/echo": echo,
    "/template": numbered,
    "/spread": sums,
    "/bare": sums,
    "/request-id": number,
    "/listed": sums,
    "/by-id": named,
    "/few": number,
    "/lazy": number,
    "/short": number,
    "/greet": greeted,
    "/total": sums,
    "/model": held,
}

#: Values that stand where another was expected.
_WRONG: Final[Mapping[str, Any]] = {
    "null": None,
    "empty": "",
    "blank": "  ",
    "word": "abc",
    "true": True,
    "zero": 0,
    "negative": -7,
    "fraction": 1.5,
    "huge": 1e308,
    "long-integer": 10**25,
    "number-text": "12",
    "padded-number": " 12 ",
    "comma-number": "1,5",
    "nan-text": "NaN",
    "list": [1, 2],
    "object": {"x": 1},
    "long": "x" * 300,
    "case": "MALE",
    "control": "a\x01b",
    "formula": "=1+1",
}
WRONG: Final = (*_WRONG, "absent", "renamed", "misspelt", "twice", "added")


def spoiled(row: Row, field: str, kind: str) -> Row:
    """Return a row that is wrong in one field."""
    if kind in _WRONG:
        return {**row, field: _WRONG[kind]}
    if kind == "absent":
        return {name: value for name, value in row.items() if name != field}
    if kind == "renamed":
        return {(name.upper() + " " if name == field else name): value for name, value in row.items()}
    if kind == "misspelt":
        return {(name[:1] + name[2:] + "x" if name == field else name): value for name, value in row.items()}
    if kind == "twice":
        return {**row, f"{field}.1": row[field]}
    return {**row, "note": "not a field", "": 5}
