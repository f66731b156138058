"""
Serve what was grown, and compare answers: a registry of it, its routes in this process, differences in words.

Knows no specimen by name.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.answers.answer import AnswerContext
from gateway.artifacts.manifest import Manifest
from gateway.codecs.json import encode
from gateway.errors import InputError, PredictError
from gateway.generations import snapshot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry
from gateway.routing.live_generation import Generation, GenerationBuilder
from gateway.routing.routes import Route
from gateway.scoreboard import Scoreboard

#: What a proven compiled model may differ by (architecture, decision 11).
TWIN_ABSOLUTE, TWIN_RELATIVE = 1e-6, 1e-5

#: Where a folder that is kept keeps what was prepared from it.
CACHE = ".cache"


@dataclass(frozen=True)
class Case:
    """Hold what grow wrote about one specimen, and where."""

    folder: Path
    told: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the name of the specimen, which is the name of its route."""
        return self.folder.name

    @property
    def path(self) -> str:
        """Return the path of its route."""
        return f"/zoo/{self.name}"

    @property
    def refused(self) -> str:
        """Return the code it must be refused with, or nothing."""
        return str(self.told["refused"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as JSON objects."""
        return list(self.told["rows"])

    @property
    def answers(self) -> list[Any]:
        """Return the answers of the native library."""
        return list(self.told["answers"])

    @property
    def alone(self) -> list[Any]:
        """Return the answer of the native library to the first row by itself."""
        return list(self.told["alone"] or self.told["answers"][:1])


def read_cases(folder: Path, names: Sequence[str]) -> dict[str, Case]:
    """Return the cases that were grown, by name; one that this machine cannot grow has the key `unavailable`."""
    found = {}
    for name in names:
        path = folder / name / "case.json"
        if path.exists():
            found[name] = Case(folder / name, json.loads(path.read_text()))
    return found


def registry_of(cases: Sequence[Case]) -> str:
    """Return the text of a registry with one route per case; JSON is YAML, too."""
    routes = {
        case.path: {"artifact": str(case.folder / case.told["artifact"]), "name": case.name, **case.told["entry"]}
        for case in cases
        if "unavailable" not in case.told
    }
    return json.dumps({"version": 1, "routes": routes}, indent=1, ensure_ascii=False)


class Enclosure:
    """Hold the routes of a registry in this process: prepared in children, loaded and asked as a worker does."""

    def __init__(self, home: Path, cache_dir: Path, registry: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        spec = load_registry(registry)
        self.manifests: dict[str, Manifest] = prepare_registry(spec, cache_dir, PrepareLimits())
        scoreboard = Scoreboard.create(home / "board", slots=2, routes=len(spec.routes) + 8)
        self._builder = GenerationBuilder(scoreboard, scoreboard.claim(), cache_dir, 4)
        self._generation: Generation = self._builder.make(snapshot.make(spec, self.manifests))

    def route(self, name: str) -> Route:
        """Return a route with its model loaded."""
        route = self._generation.table.by_name[name]
        route.model.load()
        return route


def ask(route: Route, body: Any, deadline: float) -> list[Any]:
    """Send a value through codec, validation, model and answer, and return the answers as a client reads them."""
    contract = route.must_serve()
    batch = contract.validate(contract.codec.decode(encode(body)))
    predictions = route.predict(batch, deadline)
    return list(json.loads(encode(contract.answer(batch, predictions, AnswerContext()))))


def examine(case: Case, enclosure: Enclosure) -> str:
    """Say what is wrong with how a case is served or refused; nothing where all is as expected."""
    route = enclosure.route(case.name)
    problem = route.reason
    if case.refused:
        if problem is None:
            return f"served, expected the refusal {case.refused}"
        if problem.code != case.refused or case.told["says"] not in problem.message + (problem.hint or ""):
            return f"refused as {problem}, expected {case.refused} and {case.told['says']!r}"
        return ""
    if problem is not None:
        return f"refused: {problem}"
    compiled = route.manifest.compiled is not None
    try:
        found = ask(route, case.rows, time.monotonic() + 60)
        single = ask(route, case.rows[0], time.monotonic() + 60)
        listed = (
            ask(route, {"data": list(case.rows[0].values())}, time.monotonic() + 60)
            if in_order(case, route)
            else single
        )
    except InputError as error:
        return f"the rows are refused: {[str(fault) for fault in error.faults[:3]]}"
    except PredictError as error:
        return f"{error}: {error.__cause__!r}"
    wrong = difference(case.answers, found, case.told["tolerance"], compiled=compiled)
    wrong = wrong or difference(case.alone, single, case.told["tolerance"], compiled=compiled)
    wrong = wrong or difference(case.alone, listed, case.told["tolerance"], compiled=compiled)
    return wrong or next(filter(None, (accepts(route, row, code) for row, code in case.told["bad"])), "")


def in_order(case: Case, route: Route) -> bool:
    """Say whether the rows name the fields in the order of positional values."""
    return route.signature is not None and tuple(case.rows[0]) == route.signature.positions != ()


def accepts(route: Route, row: Any, code: str) -> str:
    """Say so where a row is not refused with a fault of this code."""
    try:
        found = ask(route, row, time.monotonic() + 60)
    except InputError as error:
        codes = [fault.code for fault in error.faults]
        return "" if codes == [code] else f"the faults are {codes}, expected {code}"
    return f"{row} is answered {found}, expected the fault {code}"


def difference(expected: Any, found: Any, tolerance: float, *, compiled: bool = False, at: str = "$") -> str:
    """Say where two JSON values differ, or nothing; labels and types exactly, numbers with a point within tolerance."""
    if isinstance(expected, float) and isinstance(found, float):
        absolute, relative = (TWIN_ABSOLUTE, TWIN_RELATIVE) if compiled else (tolerance, tolerance)
        if math.isclose(expected, found, rel_tol=relative, abs_tol=absolute):
            return ""
    elif type(expected) is not type(found):
        return f"{at}: {found!r} is a {type(found).__name__}, expected {expected!r}"
    elif isinstance(expected, dict):
        if list(expected) != list(found):
            return f"{at}: keys {list(found)}, expected {list(expected)}"
        parts = (
            difference(expected[key], found[key], tolerance, compiled=compiled, at=f"{at}.{key}") for key in expected
        )
        return next(filter(None, parts), "")
    elif isinstance(expected, list):
        if len(expected) != len(found):
            return f"{at}: {len(found)} answers, expected {len(expected)}"
        pairs = enumerate(zip(expected, found, strict=True))
        return next(
            filter(None, (difference(a, b, tolerance, compiled=compiled, at=f"{at}[{i}]") for i, (a, b) in pairs)), ""
        )
    elif expected == found:
        return ""
    return f"{at}: {found!r}, expected {expected!r}"
