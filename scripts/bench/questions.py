"""
The request of each route: one instance by name, and what the native library answers to it.

Read from the golden rows of the models, so that no answer of ours is the measure of another's.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUTES = ("earnings", "diabetes", "sentiment", "loan")


@dataclass(frozen=True, slots=True)
class Question:
    """Hold one instance and the expected number: the value, or the probability of `label`."""

    route: str
    fields: dict[str, Any]
    expected: float
    label: str = ""


def _read(route: str, label: str, row: int = 0) -> Question:
    golden = json.loads((ROOT / "models" / route / "golden.json").read_text(encoding="utf-8"))
    answer = golden["predictions"][row]
    expected = answer["probabilities"][label] if label else answer["value"]
    return Question(route, golden["instances"][row], float(expected), label)


QUESTIONS = {
    question.route: question
    for question in (
        _read("earnings", ""),
        _read("diabetes", "1"),
        _read("sentiment", "Positive"),
        _read("loan", "0", 1),
    )
}
