"""Aliases of an MLflow store are asked for where that is wanted: soon after a SQLite file changed, else at an interval."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.process import alias_watch
from gateway.process.alias_watch import AliasWatch
from gateway.settings.settings import Settings


def settings(folder: Path) -> Settings:
    """Return those of a registry with a store beside it."""
    (folder / "mlruns").mkdir()
    (folder / "mlruns" / "mlflow.db").write_bytes(b"old")
    return replace(Settings(), registry=folder / "registry.yaml", watch_aliases=True)


def test_a_changed_file_is_due_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Database or its write-ahead file: each change asks once, and nothing else does before the interval."""
    told = settings(tmp_path)
    monkeypatch.setattr(alias_watch, "PAUSE_S", 0.0)
    watch = AliasWatch(told)
    assert [watch.is_due() for _ in range(3)] == [False] * 3
    (tmp_path / "mlruns" / "mlflow.db").write_bytes(b"newer")
    assert [watch.is_due() for _ in range(3)] == [True, False, False]
    (tmp_path / "mlruns" / "mlflow.db-wal").write_bytes(b"newest")
    assert [watch.is_due() for _ in range(3)] == [True, False, False]
    monkeypatch.setattr(alias_watch, "INTERVAL_S", 0.0)
    assert watch.is_due()
    monkeypatch.setattr(alias_watch, "PAUSE_S", 1e9)
    assert not watch.is_due()


def test_it_is_off_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GATEWAY_WATCH_ALIASES no store is asked, whatever happens to it."""
    told = replace(settings(tmp_path), watch_aliases=Settings().watch_aliases)
    monkeypatch.setattr(alias_watch, "PAUSE_S", 0.0)
    monkeypatch.setattr(alias_watch, "INTERVAL_S", 0.0)
    assert not AliasWatch(told).is_due()
