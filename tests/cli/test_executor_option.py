"""Commands know where a model runs: described, added, planned and promoted there, as registry.yaml would have it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.v2_server import V2Server
from gateway.cli.main import main
from serving import free_port

DOUBLE = "def predict(a: float) -> float:\n    return 2 * a\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with a function and no registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path / "home"))
    (tmp_path / "model.py").write_text(DOUBLE)
    return tmp_path


@pytest.fixture
def server() -> Iterator[V2Server]:
    """Return a server of the Open Inference Protocol."""
    server = V2Server(free_port())
    yield server
    server.close()


def test_a_model_on_another_server(folder: Path, server: V2Server, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked there what it is, added without an artifact, counted by check, and named by plan."""
    executor = f"{{kind: upstream, model: m, url: '{server.address}'}}"
    assert main(["describe", "--executor", executor, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["signature"]["inputs"]] == ["a"]
    assert told["executor"] == "on another server"
    assert main(["add", "--route", "/m", "--executor", executor]) == 0
    lines = f"  /m:\n    executor: {executor}\n"
    assert capsys.readouterr().out == f"added to registry.yaml:\n{lines}"
    assert (folder / "registry.yaml").read_text() == f"version: 1\nroutes:\n{lines}"
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "ok: 1 route, not in the workers: 1 upstream\n"
    assert main(["plan"]) == 0
    assert f"           executor: upstream, model m on {server.address}\n" in capsys.readouterr().out
    assert main(["promote", "model.py:predict", "--route", "/m"]) == 1
    assert "is on another server" in capsys.readouterr().err


def test_a_model_that_does_not_answer_there_is_not_added(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is that of preparing; --force adds it all the same."""
    words = ["add", "--route", "/m", "--executor", f"{{kind: upstream, url: 'http://127.0.0.1:{free_port()}'}}"]
    assert main(words) == 1
    assert "[executor-unavailable]" in capsys.readouterr().err
    assert not (folder / "registry.yaml").exists()
    assert main([*words, "--force"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["describe"], "Missing argument 'ARTIFACT...'."),
        (["add", "--route", "/m", "--executor", "process"], "Missing argument 'ARTIFACT...'."),
        (
            ["add", "model.py:predict", "--route", "/m", "--executor", "{kind: upstream, url: 'http://x'}"],
            "no ARTIFACT",
        ),
        (["describe", "model.py:predict", "--executor", "{kind"], "--executor is a kind (local, process, upstream"),
        (["describe", "model.py:predict", "--executor", "[process]"], "--executor is a kind"),
    ],
)
def test_an_option_that_cannot_be_meant(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused as usage, before anything is asked."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_misspelt_kind_is_shown_in_the_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fault is that of the registry, and nothing is written."""
    assert main(["add", "model.py:predict", "--route", "/m", "--executor", "{kind: proces}"]) == 78
    assert "did you mean 'process'?" in capsys.readouterr().err
    assert not (folder / "registry.yaml").exists()


@pytest.mark.slow
def test_a_function_in_a_process_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is tried in that process when it is added, and a candidate for it is asked in one of its own."""
    assert main(["describe", "model.py:predict", "--executor", "process"]) == 0
    assert "runs      in a process of its own\n" in capsys.readouterr().out
    assert main(["add", "model.py:predict", "--route", "/m", "--executor", "process"]) == 0
    (folder / "broken.py").write_text("raise ValueError('no weights')\n")
    assert main(["add", "broken.py:predict", "--route", "/n", "--executor", "process"]) == 1
    assert "no weights" in capsys.readouterr().err
    assert main(["prepare", "--commit"]) == 0
    (folder / "next.py").write_text(DOUBLE.replace("2", "3"))
    (folder / "rows.csv").write_text("a\n1\n2\n")
    words = ["promote", "next.py:predict", "--route", "/m", "--data", "rows.csv"]
    assert main([*words, "--dry-run"]) == 0
    assert "2 of 2 change" in capsys.readouterr().out
    assert main(words) == 0
    text = (folder / "registry.yaml").read_text()
    assert "artifact: next.py:predict" in text
    assert "executor: process" in text
