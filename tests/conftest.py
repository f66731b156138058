"""Gateways for tests: real processes, real files. One with the five models is shared by whoever only asks."""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import extras
import serving
from gateway.system import garbage_collection
from serving import Gateway

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

# The tests start a thousand processes: where no bytecode is kept, each compiles the gateway, a third of a short life.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Threads of OpenMP spin while they wait for each other: beside other tests, a fit of one second then takes twenty.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says how busy the machine is. `make soak` tries eight times as many.
hypothesis.settings.register_profile(
    "busy",
    deadline=None,
    max_examples=400 if "TORTURE_ROUNDS" in os.environ else 50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("busy")

#: Files that take longest, mostly by waiting: begun first, so that none of them is left over at the end of a parallel run.
LONGEST = (
    "torture/test_edits.py",
    "torture/test_kills.py",
    "e2e/test_processes.py",
    "rest/test_openapi.py",
    "rest/test_mlflow_flavours.py",
    "zoo/test_zoo.py",
    "compilers/test_use.py",
    "console/test_odd_routes.py",
    "torture/test_pm2.py",
    "e2e/test_bundles.py",
    "compilers/test_mojo.py",
    "test_docs.py",
    "console/test_states.py",
    "rest/test_from_flask_doc.py",
    "rest/test_names.py",
    "versions/test_acceptance.py",
    "versions/test_commands.py",
    "console/test_index.py",
    "e2e/test_isolation.py",
    "generations/test_upgrade_check.py",
    "compilers/test_contract.py",
    "console/test_every_page.py",
    "explainers/test_mojo.py",
    "console/test_proxy_states.py",
    "console/test_model_page.py",
    "console/test_docs_page.py",
    "e2e/test_concurrency.py",
    "process/test_odd_files.py",
    "process/test_children.py",
    "prepare/test_prepare.py",
    "rest/test_categories.py",
    "e2e/test_examples.py",
    "test_distribution.py",
    "process/test_port_owner.py",
    "loaders/test_own_classes.py",
    "loaders/test_whole_files.py",
    "compilers/test_crash.py",
    "e2e/test_many_routes.py",
)
_TESTS = Path(__file__).resolve().parent

#: What a slow test may take; the others have the `timeout` of pyproject.toml.
SLOW_S = 3600

#: A folder for the shared cache that outlives the run: `make test` hands what one lane has prepared to the other.
_KEPT_CACHE = os.environ.get("TESTS_CACHE", "")

_FIGURES = pytest.StashKey[list[str]]()


def _turn(item: pytest.Item) -> int:
    name = item.path.relative_to(_TESTS).as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: ten thousand tests are none, and stay; nor is it looked for among them later."""
    with garbage_collection.paused():
        collected = yield
    garbage_collection.overlook_what_is_there()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the order within a file, and among the others, stays. Give slow tests more time."""
    items.sort(key=_turn)
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_S))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that tells, at the end of the run, what a long test counted, also where it fails later."""

    def tell(line: str) -> None:
        request.config.stash.setdefault(_FIGURES, []).append(f"{request.node.nodeid}\n  {line}")

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the tests counted."""
    if lines := config.stash.get(_FIGURES, []):
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Let tests of absent frameworks skip; hooks of a conftest.py do not see a folder whose own conftest.py fails."""
    config.pluginmanager.register(extras.Skipping())


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache of all gateways of this run, of both lanes' processes: what is prepared is named by its content."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = (Path(_KEPT_CACHE) if _KEPT_CACHE else shared) / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def own_cache(tmp_path: Path) -> Path:
    """Return a cache for a test that damages it: what is deleted from the shared one is missed by other tests."""
    folder = tmp_path / "own-cache"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def five(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve the repository's own registry; tests that share it only ask, and kill nothing."""
    with serving.running(tmp_path_factory.mktemp("five"), cache, serving.ROOT / "registry.yaml") as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, cache: Path) -> Iterator[Callable[..., Gateway]]:
    """Return a function that serves a registry text with settings until the test ends."""
    with ExitStack() as stack:

        def start(registry: str | Path, *, cache: Path = cache, **settings: Any) -> Gateway:
            folder = tmp_path / f"gateway-{len(list(tmp_path.glob('gateway-*')))}"
            folder.mkdir()
            return stack.enter_context(serving.running(folder, cache, registry, **settings))

        yield start
