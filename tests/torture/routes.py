"""The registry of the torture: a real model, a script whose answer can be changed, code that can misbehave."""

import json
import time
from pathlib import Path
from typing import Any

from serving import ROOT
from torture.load import Request, as_json

CODE = '''
import os
import time


def echo(x: float) -> float:
    return x


def boom(x: float) -> float:
    """Kill the process when asked to."""
    if x > 5:
        os.kill(os.getpid(), 11)
    return x


def stuck(x: float) -> float:
    """Hold its thread for long, and not while it is prepared."""
    if x > 5:
        time.sleep(600)
    return x


def late(x: float) -> float:
    """Take two seconds, and not while it is prepared, which asks six times."""
    if x > 5:
        time.sleep(2)
    return x


def slow(x: float) -> float:
    time.sleep(0.02)
    return x
'''

BASE = """version: 1
routes:
  /diabetes:
    artifact: {root}/models/diabetes/model.ubj
    response: {{prediction: $probability.1}}
  /number:
    artifact: number.stub
    response: {{number: $value}}
  /echo: code.py:echo
"""

REQUESTS = [
    Request("/diabetes", as_json({"data": "1,106,70,28,135,34.2,0.142,22"}), b"prediction"),
    Request("/number?x=1", expect=b"number"),
    Request("/echo?x=7", expect=b"7"),
]


def write_number(folder: Path, value: float) -> None:
    """Replace the script of /number by a rename, as a careful writer does."""
    write(folder / "number.stub", json.dumps({"inputs": ["x"], "answer": value}))


def write(path: Path, text: str) -> None:
    """Replace a file by a rename."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)


def make(folder: Path, extra: str = "") -> Path:
    """Write registry, code and script into a folder and return the registry."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.py").write_text(CODE)
    write_number(folder, 0)
    registry = folder / "registry.yaml"
    write(registry, BASE.format(root=ROOT) + extra)
    return registry


def settled(server: Any, before: dict[str, Any], timeout_s: float = 60.0) -> dict[str, Any]:
    """Wait for the reload that follows `before` (the health seen earlier) to end in every worker."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        now: dict[str, Any] = server.health()
        if now and now["reload"].get("at") != before["reload"].get("at") and now["same_generation"]:
            generations = {worker["generation"] for worker in now["workers"] if worker["phase"] == "serving"}
            if now["reload"]["result"] == "refused" or generations != {before["generation"]}:
                return now
        time.sleep(0.05)
    raise AssertionError(f"no reload within {timeout_s} s; last: {server.health().get('reload')}")
