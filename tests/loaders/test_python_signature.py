"""Hints and answers as people write them: each is served, or refused with what to write."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_answer import jsonable
from gateway.schema import make_column

ENUM = "from enum import Enum\nclass C(str, Enum):\n    a = 'A'\n    b = 'B'\n"
RECORDS = "from dataclasses import dataclass\nfrom typing import *\n"


def load(folder: Path, code: str, entry: str | None = None) -> Any:
    """Load a file with this code."""
    path = folder / "m.py"
    path.write_text(code)
    return get_loader("python").load(path, LoadOptions(entry=entry))


def ask(predictor: Any, values: list[Any]) -> Any:
    """Ask for one instance."""
    fields = predictor.signature.inputs
    columns = [make_column(field.type, [value]) for field, value in zip(fields, values, strict=True)]
    return predictor.predict(columns).values[0]


@pytest.mark.parametrize(
    ("code", "inputs", "values", "answer"),
    [
        (ENUM + "def predict(c: C): return [c.name, c is C.b, c]", "c:string", ["B"], ["b", True, "B"]),
        (ENUM + "def predict(c: C = C.a): return c", "c:string", ["A"], "A"),
        ("def predict(a: 'int | None', b: float = 2.5): return [a, b]", "a:integer b:number", [1.0, 3.0], [1, 3.0]),
        ("def predict(a=1.5, b='x', c=True): return [a, b, c]", "a:number b:string c:boolean", [2, "y", 0], [2.0, "y", False]),
        (RECORDS + "@dataclass\nclass H:\n    a: float\n    n: int = 2\ndef predict(h: H): return h", "a:number n:integer", [1.0, 3], {"a": 1.0, "n": 3}),
        (RECORDS + "class H(TypedDict):\n    a: float\ndef predict(h: H): return h['a']", "a:number", [2.0], 2.0),
        (RECORDS + "class H(NamedTuple):\n    a: float\n    n: int = 2\ndef predict(h: H): return h", "a:number n:integer", [1.0, 3], {"a": 1.0, "n": 3}),
        ("import asyncio\nasync def predict(x: float):\n    await asyncio.sleep(0)\n    return x", "x:number", [4.0], 4.0),
    ],
)  # fmt: skip
def test_a_hint_is_served(tmp_path: Path, code: str, inputs: str, values: list[Any], answer: Any) -> None:
    """Types of fields come from the hint, and the function gets what its hint promises."""
    found = load(tmp_path, code)
    assert " ".join(f"{field.name}:{field.type}" for field in found.signature.inputs) == inputs
    assert ask(found, values) == answer


def test_a_pydantic_model_stands_for_its_fields(tmp_path: Path) -> None:
    """What FastAPI's tutorials write is served as it is."""
    pytest.importorskip("pydantic", reason="needs the package pydantic")
    code = "from pydantic import BaseModel\nclass Item(BaseModel):\n    a: float\n    n: int = 2\n"
    found = load(tmp_path, code + "def predict(item: Item): return [item.a, item.n, item]")
    assert ask(found, [1.0, 3]) == [1.0, 3, {"a": 1.0, "n": 3}]


@pytest.mark.parametrize("entry", ["model", "Other"])
def test_an_instance_and_a_class_are_asked_by_their_predict(tmp_path: Path, entry: str) -> None:
    """`file.py:name` may name an object that has `predict`, or a class that makes one."""
    code = "class Other:\n    def predict(self, x: float): return x + 1\nmodel = Other()\n"
    assert ask(load(tmp_path, code, entry), [1.0]) == 2.0


FLASK = "from flask import Flask, request, jsonify\napp = Flask(__name__)\n@app.route('/predict', methods=['POST'])\n"


@pytest.mark.parametrize(
    ("code", "says", "hint"),
    [
        ("def predict(a, b): return a", "'a' has no type hint", "`a: float`"),
        ("def predict(**row): return row", "no name of its own", "def predict(age: float, city: str)"),
        ("def predict(x: list[float]): return 1", "list[float]", "def predict(x0: float, x1: float)"),
        ("def predict(x: dict): return 1", "dict", "def predict(age: float, city: str)"),
        ("import pandas as pd\ndef predict(df: pd.DataFrame): return df", "DataFrame", "pd.DataFrame([{"),
        ("import numpy as np\ndef predict(x: np.ndarray): return x", "ndarray", "np.array([[x0, x1]])"),
        ("def predict(x: float):\n    yield x", "plain function", "drop yield"),
        (FLASK + "def predict(): return jsonify(request.get_json())", "a web application", "docs/from-flask.md"),
        (FLASK + "def home(): return jsonify(request.get_json())", "but a web application", "docs/from-flask.md"),
    ],
)  # fmt: skip
def test_a_hint_is_refused_with_what_to_write(tmp_path: Path, code: str, says: str, hint: str) -> None:
    """What names no single values is refused, and so is the view of a web application."""
    with pytest.raises(LoadError) as error:
        load(tmp_path, code)
    assert says in error.value.message
    assert hint in str(error.value.hint)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (np.float32(1.5), 1.5),
        (np.array([[1, 2]]), [[1, 2]]),
        ({"a": np.int64(3), 1: (np.bool_(True), None)}, {"a": 3, "1": [True, None]}),
        (pd.Series(["x"]), ["x"]),
        (pd.DataFrame({"a": [1.5]}), [{"a": 1.5}]),
        ([pd.Timestamp("2024-01-02"), pd.NaT, pd.NA], ["2024-01-02T00:00:00", None, None]),
        (np.datetime64("2024-01-02"), "2024-01-02"),
        ({"x"}, ["x"]),
    ],
)
def test_an_answer_becomes_json(value: Any, answer: Any) -> None:
    """Values of numpy and pandas, also nested, and of the standard library."""
    assert jsonable(value) == answer


def test_an_answer_without_json_says_what_to_return() -> None:
    """An object of one's own has no JSON value."""
    with pytest.raises(TypeError, match="return numbers, texts"):
        jsonable([object()])
