"""How each kind of server wants an instance, and where its answer holds the number."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.questions import Question


@dataclass(frozen=True, slots=True)
class Dialect:
    """Write the body of a question and read the number of an answer."""

    body: Callable[[Question], Any]
    number: Callable[[str, Any], float]

    def encode(self, question: Question) -> bytes:
        """Return the body as bytes."""
        return json.dumps(self.body(question)).encode()

    def read(self, question: Question, content: bytes) -> float:
        """Return the number of an answer; raises ValueError where it is not there."""
        try:
            return float(self.number(question.route, json.loads(content)))
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"no number in {content[:200]!r}") from error


_GATEWAY: dict[str, Callable[[Any], float]] = {
    "earnings": lambda answer: answer["predicted_earn"],
    "diabetes": lambda answer: answer["prediction"],
    "sentiment": lambda answer: answer["confidence"],
    "loan": lambda answer: answer["ans"]["Approved"],
}


def _v2(question: Question) -> dict[str, Any]:
    if question.route == "earnings":
        columns = [
            {"name": name, "shape": [1, 1], "datatype": "BYTES", "parameters": {"content_type": "str"}, "data": [value]}
            if isinstance(value, str)
            else {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
            for name, value in question.fields.items()
        ]
        return {"parameters": {"content_type": "pd"}, "inputs": columns}
    if question.route == "diabetes":
        row = list(question.fields.values())
        inputs = {"name": "payload", "shape": [1, len(row)], "datatype": "FP64", "data": row}
        return {"inputs": [inputs | {"parameters": {"content_type": "np"}}]}
    text = {"name": "payload", "shape": [1, 1], "datatype": "BYTES", "data": [question.fields["query"]]}
    return {"inputs": [text | {"parameters": {"content_type": "str"}}]}


def _split(question: Question) -> dict[str, Any]:
    fields = question.fields
    return {"dataframe_split": {"columns": list(fields), "data": [list(fields.values())]}}


GATEWAY = Dialect(lambda question: question.fields, lambda route, answer: _GATEWAY[route](answer))
PLAIN = Dialect(lambda question: question.fields, lambda route, answer: answer["prediction"])
V2 = Dialect(_v2, lambda route, answer: answer["outputs"][0]["data"][0])
MLFLOW = Dialect(_split, lambda route, answer: answer["predictions"][0])
