"""Registries and questions for clusters: the five models, one of them here as well, a number that edits change, a wait."""

import json
from pathlib import Path
from typing import Any, Final

from ray_cluster.callers import Question
from serving import ROOT, Gateway

FIVE: Final = {name: f"/{name}" for name in ("sentiment", "diabetes", "loan", "earnings", "insurance")}
#: The model of /diabetes in the workers of the gateway.
HERE: Final = "/here"


def five_and_here() -> str:
    """Return the registry of the five models, and a route that stays in the workers."""
    text = (ROOT / "registry.yaml").read_text(encoding="utf-8").rstrip()
    return f"{text}\n  {HERE}: {{artifact: models/diabetes/model.ubj, executor: local}}\n"


def rows(name: str) -> list[dict[str, Any]]:
    """Return golden rows of one of the five models."""
    golden = json.loads((ROOT / "models" / name / "golden.json").read_text(encoding="utf-8"))
    return list(golden["instances"])


def questions(server: Gateway, *paths: str) -> list[Question]:
    """Return the sample of each route, or of some."""
    routes = server.get("/routes").json["routes"]
    return [(route["path"], route["sample"]) for route in routes if not paths or route["path"] in paths]


def write_number(folder: Path, number: int) -> None:
    """Write the model that answers with a number."""
    draft = folder / "number.py.new"
    draft.write_text(f"def number(x: float) -> float:\n    return {number}.0\n")
    draft.rename(folder / "number.py")


WAITS: Final = "import time\n\n\ndef wait(x: float) -> float:\n    time.sleep(0.1)\n    return x\n"
