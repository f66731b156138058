"""The original that explains a compiled model takes room of the budget of lazy models, and makes room like one."""

import json
import time
from pathlib import Path

import pytest

from executors.compiled_stub import compiled_times
from gateway.artifacts.manifest import Manifest, StoredArtifact
from gateway.errors import NotReadyError
from gateway.executors.thread_pool import NativePool
from gateway.loaders.base import LoadOptions
from gateway.routing.memory_budget import MemoryBudget
from gateway.routing.model import LEAST_BYTES, Model
from gateway.schema import Column, Field, Output, Signature, make_column

ORIGINAL = 2**20
SIGNATURE = Signature(inputs=(Field(name="a"),), output=Output(kind="regression"))


def lazy(folder: Path, name: str, budget: MemoryBudget, *, compiled: bool = True, **script: float) -> Model:
    """Return a lazy model whose compiled one takes LEAST_BYTES and whose original takes ORIGINAL."""
    path = folder / f"{name}.stub"
    path.write_text(json.dumps({"inputs": ["a"], **script}))
    manifest = Manifest(
        key=name,
        loader="stub",
        artifact=StoredArtifact(path=str(path), sha256="", size_bytes=1, origin=str(path)),
        signature=SIGNATURE,
        memory_bytes=ORIGINAL,
        compiled=compiled_times(folder / f"{name}.compiled", 1.0) if compiled else None,
    )
    made = Model(manifest, LoadOptions(origin=folder, cache_dir=folder), NativePool(4))
    made.budget = budget
    return made


def later(seconds: float = 30.0) -> float:
    """Return a deadline."""
    return time.monotonic() + seconds


def asked(value: float) -> list[Column]:
    """Return one row."""
    return [make_column("number", [value])]


def explain(model: Model, value: float = 3.0) -> None:
    """Ask for an explanation, and hold it against the answer."""
    answer = model.predict(asked(value), later()).values.tolist()
    found = model.explain(asked(value), later())
    assert found.contributions.tolist() == [[value]]
    assert found.margin.tolist() == answer


@pytest.mark.parametrize("compiled", [True, False])
def test_only_what_is_loaded_beside_counts(tmp_path: Path, compiled: bool) -> None:
    """Before the first question nothing does; an original that serves itself is counted once."""
    budget = MemoryBudget()
    model = lazy(tmp_path, "m", budget, compiled=compiled)
    model.predict(asked(1), later())
    before = budget.held_bytes
    explain(model)
    assert budget.held_bytes == (LEAST_BYTES + ORIGINAL if compiled else before)
    assert before == (LEAST_BYTES if compiled else ORIGINAL)


def test_the_original_that_explained_longest_ago_makes_room(tmp_path: Path) -> None:
    """Its compiled model goes on serving, and its next question loads it again."""
    budget = MemoryBudget()
    budget.limit(ORIGINAL + 3 * LEAST_BYTES)
    models = [lazy(tmp_path, name, budget) for name in "ab"]
    for model in models:
        model.predict(asked(1), later())
    for model in (*models, *models):
        explain(model)
        assert budget.held_bytes == ORIGINAL + 2 * LEAST_BYTES
    assert [len(model.held) for model in models] == [1, 2]
    assert [(model.state, model.loads) for model in models] == [("READY", 1)] * 2


def test_a_model_that_makes_room_takes_its_original_with_it(tmp_path: Path) -> None:
    """Neither the books nor the memory keep anything of it."""
    budget = MemoryBudget()
    a, b = lazy(tmp_path, "a", budget), lazy(tmp_path, "b", budget, compiled=False)
    explain(a)
    budget.limit(ORIGINAL)
    b.predict(asked(1), later())
    assert (a.state, a.held, budget.held_bytes) == ("IDLE", (a,), ORIGINAL)
    explain(a)


def test_an_original_above_the_budget_explains_alone(tmp_path: Path) -> None:
    """A budget that not even its compiled model fits beside costs time, never the answer."""
    budget = MemoryBudget()
    budget.limit(LEAST_BYTES)
    model = lazy(tmp_path, "m", budget)
    for value in (1.0, 2.0):
        explain(model, value)
        assert budget.held_bytes <= ORIGINAL
    assert model.predict(asked(4), later()).values.tolist() == [4.0]


def test_the_first_question_waits_for_the_original(tmp_path: Path) -> None:
    """As long as its deadline allows; one that cannot wait is told to come back, and loading goes on."""
    model = lazy(tmp_path, "slow", MemoryBudget(), load_sleep_s=0.3)
    model.predict(asked(1), later())
    with pytest.raises(NotReadyError, match="still being loaded") as told:
        model.explain(asked(1), later(0.01))
    assert told.value.code == "loading"
    model.wait_for_explainer(later())
    explain(model)
    assert model.loads == 1
