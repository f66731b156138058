"""What a worker imports for an original that the prepare child did without is told by the commands that tell costs."""

import subprocess
import sys
from dataclasses import replace

import pytest

import extras
from gateway.artifacts.manifest import CompiledModel, Manifest
from gateway.artifacts.remote import Remote
from gateway.cli import plan
from gateway.cli.import_cost import ImportCost, import_cost
from gateway.generations.plan import Step, steps
from generations.states import SIGNATURE, generation, ready, route

COST = ImportCost(("sklearn", "pandas"), 1.54, 128 * 2**20)
COMPILED = CompiledModel(
    compiler="xgboost",
    runtime="matrix",
    path="m",
    sha256="0",
    rows_proven=9,
    max_difference=0.0,
    gain=2.0,
    predict_s=0.1,
)


def step_of(manifest: Manifest) -> Step:
    """Return the step of a plan that adds a model."""
    return steps(None, generation((route("m"), manifest)))[0]


@pytest.mark.parametrize(
    ("loader", "compiled", "imports"),
    [("xgboost", None, "xgboost"), ("lightgbm", None, "lightgbm"), ("xgboost", COMPILED, ""), ("catboost", None, "")],
)
def test_originals_are_told_apart(loader: str, compiled: CompiledModel | None, imports: str) -> None:
    """Only the original of a framework that imports more serves with it; a compiled model imports no framework."""
    manifest = replace(ready("1", SIGNATURE, load_s=1.0), loader=loader, compiled=compiled)
    assert step_of(manifest).imports == imports
    kept = generation((route("m"), manifest))
    edited = generation((route("m", timeout_s=9.0), manifest))
    assert steps(kept, edited)[0].imports == "", "the model stays loaded"


def test_a_model_elsewhere_is_no_original_here() -> None:
    """The framework of a model in a process of its own is no worker's."""
    remote = Remote(kind="process", model="m")
    assert step_of(replace(ready("1", SIGNATURE), loader="xgboost", remote=remote)).imports == ""


def test_a_plan_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line stands under the route, and nowhere where nothing more is imported."""
    monkeypatch.setattr(plan, "import_cost", {"xgboost": COST}.__getitem__)
    told = plan._line(Step(path="/m", kind="added", load_s=0.4, memory_bytes=26 * 2**20, imports="xgboost"))
    assert told.splitlines() == [
        "  added    /m  loads in 0.40 s, 26 MB per worker",
        "           1.5 s and 128 MB more, once, where no model needed sklearn and pandas yet",
    ]
    assert plan._line(Step(path="/m", kind="added", load_s=0.4)).count("\n") == 0


@pytest.mark.parametrize("loader", ["catboost", "sklearn", "stub", "h2o_mojo"])
def test_nothing_is_measured_where_nothing_is_left_out(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for a framework that imports the same everywhere."""
    monkeypatch.setattr(subprocess, "run", None)
    assert import_cost(loader) is None


@pytest.mark.slow
@extras.needs("sklearn")
@pytest.mark.parametrize("loader", ["xgboost", "lightgbm"])
def test_it_is_what_a_worker_takes(loader: str) -> None:
    """The measure is what the same import takes in a new process, and this process imports nothing for it."""
    pytest.importorskip(loader)
    before = set(sys.modules)
    cost = import_cost(loader)
    assert not {name for name in set(sys.modules) - before if name.startswith(("sklearn.", f"{loader}."))}
    assert cost is not None
    assert "sklearn" in cost.packages
    assert cost.memory_bytes > 20 * 2**20
    assert cost.seconds > 0
