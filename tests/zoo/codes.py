"""Python code beside the frameworks: a function, a class with state, and code without inputs."""

from pathlib import Path

from .specimen import Grown, species


@species("python-hello", core=True)
def hello(folder: Path) -> Grown:
    """A function without inputs answers every row of a batch."""
    (folder / "hello.py").write_text('def predict():\n    """Greet."""\n    return {"hello": "wörld", "n": 1}\n')
    return Grown("hello.py", [{}, {}, {}], [{"prediction": {"hello": "wörld", "n": 1}}] * 3)


@species("python-function")
def function(folder: Path) -> Grown:
    """A typed function with a default and an optional input."""
    source = 'def predict(a: float, b: str = "x", c: int | None = None):\n    return [a, b, c]\n'
    (folder / "join.py").write_text(source)
    rows = [{"a": 1.5, "b": "ü", "c": 3}, {"a": 2.0, "b": "z", "c": None}, {"a": 0.25, "b": "x", "c": 0}]
    return Grown("join.py", rows, [{"prediction": [row["a"], row["b"], row["c"]]} for row in rows])


@species("python-class")
def state(folder: Path) -> Grown:
    """A class that is built once, named after the colon."""
    source = "class Scale:\n    def __init__(self):\n        self.by = 3\n\n"
    (folder / "model.py").write_text(source + "    def predict(self, a: float) -> float:\n        return a * self.by\n")
    return Grown("model.py:Scale", [{"a": 1.5}, {"a": -2.0}], [{"prediction": 4.5}, {"prediction": -6.0}])


@species("python-broken")
def broken(folder: Path) -> Grown:
    """Code that raises while it is imported."""
    (folder / "model.py").write_text("raise RuntimeError('no licence')\n")
    return Grown("model.py", refused="python-import", says="no licence")


@species("python-exits")
def exits(folder: Path) -> Grown:
    """Code that ends the process that imports it."""
    (folder / "model.py").write_text("import os\nos._exit(3)\n")
    return Grown("model.py", refused="prepare-crashed", says="exited with 3")
