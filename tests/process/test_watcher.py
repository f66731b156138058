"""The watcher serves what it is asked for, in that order, by commands of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import serving
from gateway.cli.place import place_of
from gateway.generations import history, transaction
from gateway.process.watcher import Watcher
from gateway.settings.settings import Settings

REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a home with two committed generations, the second with a route more."""
    (tmp_path / "m.stub").write_text("{}")
    found = Settings.load({"GATEWAY_HOME": str(tmp_path / "home"), "GATEWAY_REGISTRY": str(tmp_path / "registry.yaml")})
    for text in (REGISTRY, REGISTRY + "  /n: m.stub\n"):
        found.registry.write_text(text)
        assert transaction.attempt(place_of(found)).result == "committed"
    return found


def test_a_reload_asked_right_after_a_rollback_runs_too(settings: Settings) -> None:
    """Both are asked before the watcher looks; the later one has the last word."""
    first, second = (event.generation for event in history.events(settings.state_dir))
    watcher = Watcher(settings)
    watcher.roll_back()
    watcher.request()
    watcher.start()
    serving.until(lambda: len(history.events(settings.state_dir)) == 4, 60, what="both changes")
    ours = history.events(settings.state_dir)[2:]
    assert [(event.result, event.generation) for event in ours] == [("rolled-back", first), ("committed", second)]


_IMPORTS = """
import sys, threading, time
import gateway.cli.serve_committed
from gateway.process.watcher import Watcher
from gateway.settings.settings import Settings
Watcher(Settings.load()).start()
before = set(sys.modules)
time.sleep(1.0)
print(sorted(set(sys.modules) - before))
"""


def test_its_thread_imports_nothing_while_workers_are_forked(settings: Settings) -> None:
    """A worker that is forked in the middle of an import would wait for that module for ever."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        env={**os.environ, **settings.environ()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
