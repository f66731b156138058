"""References into a store of files: what they name, what is taken, and what is said where they name nothing."""

import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

import extras
from gateway.artifacts.manifest import Manifest
from gateway.artifacts.mlflow_reference import is_reference
from gateway.artifacts.resolution import Resolution
from gateway.generations import snapshot
from gateway.generations.place import Place
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.references.resolving import Ask, Resolved, resolve
from gateway.references.store_access import StoreAccess
from gateway.registry.spec import RegistrySpec, RouteSpec
from references.stores import WINDOWS, FileStore, h2o_folder, lightgbm_folder

pytestmark = extras.needs("mlflow")

GOOD, BETTER = "0a" * 16, "0b" * 16
CHAMPION, FIRST = "mlflow:models:/rent@champion", "mlflow:models:/rent/1"
BEST = "mlflow:best?experiment=insurance&metric=metrics.log_loss&mode=min"
TIED = "mlflow:best?experiment=tied&metric=auc&mode=max"
FILTERED, EXACT = f"{TIED}&filter=tags.stage = 'prod'", f"mlflow:runs:/{'2a' * 16}/model"
CHOSEN = f"mlflow:runs:/{'22' * 16}/two"
SECRET = "http://me:se%40cret@127.0.0.1:9/ml?token=hidden"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FileStore:
    """Write a store with models that can be served, and every kind of run that cannot."""
    store = FileStore(tmp_path_factory.mktemp("store") / "mlruns")
    for run_id, slope in ((GOOD, 2.0), (BETTER, 3.0)):
        store.log_model(run_id, lightgbm_folder(store.run(run_id) / "model", slope))
    store.version("rent", 1, GOOD)
    store.version("rent", 2, BETTER)
    store.version("rent", 3, BETTER, status="PENDING_REGISTRATION")
    store.alias("rent", "champion", 1)
    (store.folder / "0" / GOOD / "artifacts" / "train.py").write_text("def predict(a: float) -> float:\n    return a\n")
    store.run("dd" * 16, stage="deleted")
    two = store.run("22" * 16)
    for path in ("one", "two"):
        store.log_model("22" * 16, lightgbm_folder(two / path, 1.0), path=path)
    # The old run of the insurance system, and others that must not win against it.
    store.experiment("1", "insurance")
    store.address = WINDOWS
    store.log_model("1a" * 16, h2o_folder(store.run("1a" * 16, "1", log_loss=0.259036) / "model"), "1")
    store.run("1b" * 16, "1", log_loss=0.3)
    store.run("1c" * 16, "1", log_loss="nan")
    store.run("1d" * 16, "1", status="FAILED", log_loss=0.1)
    store.run("1e" * 16, "1", stage="deleted", log_loss=0.1)
    store.run("1f" * 16, "1", auc=0.88)
    store.address = store.folder.as_uri()
    store.experiment("2", "tied")
    for run_id in ("2a" * 16, "2b" * 16):
        store.log_model(run_id, lightgbm_folder(store.run(run_id, "2", auc=0.9) / "model", 1.0), "2")
    (store.folder / "2" / ("2b" * 16) / "tags" / "stage").write_text("prod")
    store.experiment("3", "unfinished")
    store.run("3a" * 16, "3", status="RUNNING", auc=1.0)
    store.experiment("4", "undefined")
    store.run("4a" * 16, "4", auc="nan")
    return store


def registry_of(*references: str, allow_pickle: bool = False) -> RegistrySpec:
    """Return a registry with one route for each reference."""
    routes = [
        RouteSpec(path=f"/r{number}", name=f"r{number}", artifact=text, loader="", allow_pickle=allow_pickle)
        for number, text in enumerate(references)
    ]
    assert all(is_reference(text) for text in references)
    return RegistrySpec(routes=tuple(routes))


def ask(
    registry: RegistrySpec, uri: str, cache: Path, before: RegistrySpec | None = None, asking: Ask = "all"
) -> Resolved:
    """Resolve a registry with a store."""
    access = StoreAccess(uri=uri, timeout_s=20)
    return resolve(registry, before, access, cache_dir=cache, limits=PrepareLimits(), ask=asking)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache for all tests of this file."""
    return tmp_path_factory.mktemp("home") / "cache"


#: Reference -> code, and what the message and the fix say.
NOTHING = {
    "mlflow:models:/rnet@champion": ("mlflow-model", "it has rent", "rent"),
    "mlflow:models:/rent@champoin": ("mlflow-alias", "its aliases are champion (version 1)", "champion"),
    "mlflow:models:/rent/9": ("mlflow-version", "it has 1, 2, 3", "mlflow:models:/rent/3"),
    "mlflow:models:/rent/3": ("mlflow-version", "PENDING_REGISTRATION", "finish"),
    f"mlflow:runs:/{'ab' * 16}/model": ("mlflow-run", "has no run", "id of a run"),
    f"mlflow:runs:/{'dd' * 16}/model": ("mlflow-run", "is deleted", f"--run-id {'dd' * 16}"),
    f"mlflow:runs:/{GOOD}/modle": ("mlflow-artifact", "it holds model and train.py", "'model'"),
    f"mlflow:runs:/{GOOD}/train.py": ("mlflow-code", "is Python code", "artifact: FILE.py"),
    "mlflow:best?experiment=insurence&metric=log_loss&mode=min": ("mlflow-experiment", "Default", "'insurance'"),
    "mlflow:best?experiment=insurance&metric=logloss&mode=min": ("mlflow-best", "auc and log_loss", "'log_loss'"),
    "mlflow:best?experiment=unfinished&metric=auc&mode=max": ("mlflow-best", "RUNNING", "mlflow:runs:/"),
    "mlflow:best?experiment=undefined&metric=auc&mode=max": ("mlflow-best", "1 runs have NaN", "as a number"),
    f"{BEST}&filter=params.x = 'y'": ("mlflow-best", "it has no run that the filter keeps", "another"),
    f"{BEST}&filter=nonsense": ("mlflow-filter", "'nonsense'", "search_runs"),
    TIED: ("mlflow-best", "2 runs of experiment 'tied' have the best auc, 0.9", f"mlflow:runs:/{'2a' * 16}/"),
    BEST: ("no-loader", "an MLflow model of the flavour h2o", "MOJO"),
    "mlflow:best?experiment=Default&metric=auc&mode=max": ("mlflow-best", "metrics are none", "name one"),
}


@pytest.fixture(scope="module")
def found(store: FileStore, cache: Path) -> RegistrySpec:
    """Ask for everything at once: each child that reads a store imports mlflow."""
    return ask(registry_of(*NOTHING, FILTERED, EXACT, CHOSEN, CHAMPION, FIRST), str(store.folder), cache).registry


def only(registry: RegistrySpec, *references: str) -> RegistrySpec:
    """Return a registry with some of the references, as they were resolved."""
    routes = {spec.reference: spec for spec in registry.routes}
    return replace(registry, routes=tuple(routes[reference] for reference in references))


def test_what_the_store_does_not_hold_is_named_with_what_it_holds(found: RegistrySpec) -> None:
    """Each reference without a model says why, and lists what is there; the old binary H2O run is found and refused."""
    problems = {spec.reference: spec.resolved.problem for spec in found.routes if spec.resolved}
    for reference, (code, says, fix) in NOTHING.items():
        problem = problems[reference]
        assert problem is not None, reference
        assert (problem.code, says in problem.message, fix in (problem.hint or "")) == (code, True, True), problem
    insurance = next(spec.resolved for spec in found.routes if spec.reference == BEST)
    assert insurance is not None
    assert (insurance.run_id, insurance.value, insurance.metric) == ("1a" * 16, 0.259036, "log_loss")


def resolved_of(registry: RegistrySpec) -> dict[str, Resolution]:
    """Return what each reference was resolved to, without a problem."""
    found = {spec.reference: spec.resolved for spec in registry.routes}
    assert all(one is not None and one.problem is None for one in found.values()), found
    return {reference: one for reference, one in found.items() if one is not None}


def test_a_tie_is_narrowed_as_its_fix_says(found: RegistrySpec) -> None:
    """A filter or the run itself names one of two equal runs; one of several models of a run is named by its path."""
    resolved = resolved_of(only(found, FILTERED, EXACT, CHOSEN))
    assert resolved[FILTERED].exact == f"mlflow:runs:/{'2b' * 16}/model"
    assert resolved[EXACT].run_id == "2a" * 16
    assert resolved[CHOSEN].label == "run 22222222"


def test_an_alias_moves_only_when_it_is_asked_for(store: FileStore, cache: Path, found: RegistrySpec) -> None:
    """An edit of another route keeps what was taken; asking takes the new version; away keeps it with one warning."""
    address = str(store.folder)
    first = only(found, CHAMPION, FIRST)
    assert [one.label for one in resolved_of(first).values()] == ["version 1", "version 1"]
    assert first.routes[0].loader == "lightgbm"
    store.alias("rent", "champion", 2)
    try:
        edited = ask(registry_of(CHAMPION, FIRST), address, cache, first, "new").registry
        assert resolved_of(edited) == resolved_of(first)
        moved = ask(registry_of(CHAMPION, FIRST), address, cache, first).registry
        assert resolved_of(moved)[CHAMPION].version == "2"
        assert resolved_of(moved)[FIRST] == resolved_of(first)[FIRST]
        assert resolved_of(moved)[CHAMPION].sha256 != resolved_of(first)[CHAMPION].sha256
    finally:
        store.alias("rent", "champion", 1)
    away = ask(registry_of(CHAMPION, FIRST), f"{address}-gone", cache, moved)
    assert away.registry == moved
    (warning,) = away.warnings
    assert "there is no MLflow store at" in warning
    assert f"{CHAMPION} (version 2) and {FIRST} (version 1)" in warning
    # A new reference has no copy to fall back to.
    new = ask(registry_of(CHAMPION, "mlflow:models:/rent/2"), f"{address}-gone", cache, first, "new").registry
    unknown = new.routes[1].resolved
    assert unknown is not None
    assert unknown.problem is not None
    assert unknown.problem.code == "mlflow-away"


def test_a_store_that_is_away_after_a_rollback(
    store: FileStore, cache: Path, found: RegistrySpec, tmp_path: Path
) -> None:
    """What serves no longer names the reference: the latest kept generation that took it has the copy."""
    state, taken = tmp_path / "state", only(found, CHAMPION)
    older = RegistrySpec(routes=(replace(taken.routes[0], artifact="m.stub", loader="stub", resolved=None),))
    for registry in (taken, older):  # the rollback commits the older one again
        made = snapshot.make(registry, {route.name: Manifest(key="k", loader="stub") for route in registry.routes})
        snapshot.commit(state, made)
    place = Place(
        registry=tmp_path / "registry.yaml", state_dir=state, cache_dir=cache,
        store=StoreAccess(uri=f"{store.folder}-gone"),
    )  # fmt: skip
    again = place.resolve(registry_of(CHAMPION), snapshot.committed(state), "all")
    assert resolved_of(again.registry)[CHAMPION] == resolved_of(taken)[CHAMPION]
    assert f"{CHAMPION} (version 1)" in again.warnings[0]


def test_an_altered_copy_is_refused_and_no_other_taken_for_it(
    store: FileStore, cache: Path, found: RegistrySpec
) -> None:
    """The digest of the generation is the pin: an altered copy serves nowhere, and a lost one must come back the same."""
    first = only(found, FIRST)
    copy = Path(resolved_of(first)[FIRST].path)
    model = copy / "model.lgb"
    text = model.read_text()
    model.write_text(text.replace("shrinkage=", "shrinkage =", 1))
    problem = prepare_registry(first, cache, PrepareLimits())[first.routes[0].name].problem
    assert problem is not None
    assert (problem.code, f"delete {copy}" in (problem.hint or "")) == ("broken-artifact", True)
    shutil.rmtree(copy)
    original = store.folder / "0" / GOOD / "artifacts" / "model" / "model.lgb"
    original.write_text(text + "\n")
    try:
        changed = ask(registry_of(FIRST), str(store.folder), cache, first, "new").registry.routes[0].resolved
        assert changed is not None
        assert changed.problem is not None
        assert changed.problem.code == "mlflow-changed"
    finally:
        original.write_text(text)


@pytest.mark.slow
def test_a_store_that_hangs_costs_seconds(store: FileStore, cache: Path, found: RegistrySpec) -> None:
    """A server that accepts and never answers is given up after GATEWAY_MLFLOW_TIMEOUT_S, once for all references."""
    first = only(found, CHAMPION, FIRST)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        access = StoreAccess(uri=uri, timeout_s=2)
        kept = resolve(registry_of(CHAMPION, FIRST), first, access, cache_dir=cache, limits=PrepareLimits(), ask="all")
        assert time.monotonic() - started < 60  # most of it starts Python and imports mlflow
    assert resolved_of(kept.registry) == resolved_of(first)
    (warning,) = kept.warnings
    assert "does not answer within 2 s" in warning


def test_a_store_that_is_down_shows_no_password(cache: Path) -> None:
    """A server that is down is told by its address, without user, password and query."""
    found = ask(registry_of(FIRST), SECRET, cache).registry.routes[0].resolved
    assert found is not None
    assert found.problem is not None
    assert found.problem.code in {"mlflow-away", "mlflow-timeout"}
    assert not {"cret", "hidden"} & set(repr(found).replace("%40", " ").replace("=", " ").split())
    assert "cret" not in repr(found)
