"""The command line: exit codes, what stands on which stream, and no traceback ever."""

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cli.commands import every_command
from gateway.cli.main import main

STUB = {
    "inputs": [
        {"name": "age", "type": "integer", "minimum": 0},
        {"name": "area", "type": "string", "enum": ["a", "b"]},
    ],
    "output": {"kind": "classification", "labels": ["no", "yes"], "probabilities": True},
}


class _Evil:
    """Make a directory when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with a registry of one stub model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.stub.json").write_text(json.dumps(STUB))
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /one: one.stub.json\n")
    return tmp_path


def test_check_says_how_many_routes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good registry is one line and exit code 0."""
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "ok: 1 route\n"


def test_check_reports_on_stderr_with_78(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults go to stderr, with the exit code for a bad configuration; absent files are faults here."""
    (folder / "registry.yaml").write_text("version: 1\nroutes:\n  /one: two.stub.json\n  /x/schema: one.stub.json\n")
    assert main(["check", "registry.yaml"]) == 78
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("registry.yaml:3:9: artifact 'two.stub.json' does not exist  [artifact-missing]\n")
    assert captured.err.endswith("2 faults in registry.yaml\n")


def test_check_of_an_absent_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A registry that is not there is a fault with a repair."""
    assert main(["check", "absent.yaml"]) == 78
    assert "fix: create it" in capsys.readouterr().err


def test_add_appends_and_shows_the_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was added is shown, and the registry checks afterwards."""
    assert main(["add", "one.stub.json", "--route", "/two"]) == 0
    assert capsys.readouterr().out == "added to registry.yaml:\n  /two: one.stub.json\n"
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "ok: 2 routes\n"


def test_describe_and_add_name_card_and_plot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both say which files the page of the model shows; a broken one with its reason, and which fix."""
    model = folder / "churn"
    model.mkdir()
    (folder / "one.stub.json").rename(model / "two.stub.json")
    (model / "README.md").write_text("# Churn\n")
    assert main(["describe", "churn/two.stub.json"]) == 0
    assert "card      churn/README.md\n" in capsys.readouterr().out
    (model / "README.md").write_bytes(b"\xff")
    text = "version: 1\nroutes:\n  /churn: {artifact: churn/two.stub.json, plot: {file: churn/counts.json}}\n"
    (folder / "registry.yaml").write_text(text)
    assert main(["describe", "churn/two.stub.json"]) == 0
    shown = capsys.readouterr().out
    assert "card      churn/README.md is not shown: card 'README.md' is no text in UTF-8" in shown
    assert "[card-not-text]; fix: save it as UTF-8" in shown
    assert "plot      churn/counts.json is not shown: counts.json does not exist" in shown
    (model / "README.md").write_text("# Churn\n")
    assert main(["add", "churn/two.stub.json", "--route", "/two"]) == 0
    assert capsys.readouterr().out.endswith("card      churn/README.md\n")


def test_add_refuses_a_taken_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A route is never overwritten."""
    assert main(["add", "one.stub.json", "--route", "/one"]) == 78
    error = capsys.readouterr().err
    assert "path '/one' is already taken" in error
    assert "fix:" in error


def test_describe_prints_the_signature(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Loader, inputs and outputs of an artifact are shown to people."""
    assert main(["describe", "one.stub.json"]) == 0
    text = capsys.readouterr().out
    assert "loader    stub" in text
    assert "output  classification of no and yes with probabilities" in text
    assert [line.split()[:2] for line in text.splitlines() if line.startswith(("age", "area"))] == [
        ["age", "integer"],
        ["area", "string"],
    ]


def test_describe_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON, for programs."""
    assert main(["describe", "--json", "one.stub.json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["loader"], [one["name"] for one in found["signature"]["inputs"]]) == ("stub", ["age", "area"])
    assert found["sha256"] and found["size_bytes"] > 0


def test_describe_of_something_unknown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An artifact that no loader knows is an error that says what it is, exit code 1."""
    (folder / "x.h5").write_bytes(b"\x89HDF\r\n")
    assert main(["describe", "x.h5"]) == 1
    assert "'x.h5' is a Keras model, which no loader takes" in capsys.readouterr().err
    assert main(["describe", "absent.onnx"]) == 1
    assert "[artifact-missing]" in capsys.readouterr().err


def test_describe_lists_the_imports_of_a_pickle_without_running_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hostile pickle is shown for what it is; nothing of it is executed and exit code 1 says it cannot load."""
    (folder / "evil.pkl").write_bytes(pickle.dumps(_Evil(str(folder / "ran"))))
    assert main(["describe", "evil.pkl"]) == 1
    captured = capsys.readouterr()
    assert "posix.mkdir" in captured.out
    assert "fix:" in captured.err
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("words", [["key"], *every_command()], ids=" ".join)
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """-h of each command says what it does and names its arguments."""
    with pytest.raises(SystemExit) as caught:
        main([*words, "-h"])
    assert caught.value.code == 0
    assert f"usage: gateway {' '.join(words)}" in capsys.readouterr().out


def test_the_module_is_the_command(folder: Path) -> None:
    """`python -m gateway` answers like `gateway`, with the exit code of the process."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "absent.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (78, "")
    assert "Traceback" not in done.stderr


def test_doctor_names_what_is_missing_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing package of a loader is a note with the pip line; it costs exit code 1 if a route needs it."""
    registry = tmp_path / "registry.yaml"
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GATEWAY_REGISTRY", str(registry))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "gateway.loaders.onnx", raising=False)
    for routes, mark in (
        ("/a: a.stub", "note"),
        ("/a: a.onnx", "MISS"),
        ("/a: {artifact: [scaler.skops, model.onnx]}", "MISS"),
    ):
        registry.write_text(f"version: 1\nroutes:\n  {routes}\n")
        code = main(["doctor"])
        shown = capsys.readouterr().out
        assert f"{mark}  loader onnx" in shown
        assert "      fix: pip install 'multi-model-gateway[onnx]'" in shown
        assert "ok    loader stub" in shown
        assert code == 1 or mark == "note"


def test_waiting_for_what_was_never_started_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No process is neither slow nor in a log: the way out is to start one."""
    assert main(["wait", "--timeout", "0.5", "--home", "nothing", "--bind", "unix:nothing.sock"]) == 1
    told = capsys.readouterr().err
    assert f"no process of it has its state in {folder / 'nothing'}" in told
    assert "fix: start it with `gateway serve`" in told


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person who presses Ctrl-C gets one line and the exit code that shells expect."""
    importlib.import_module("gateway.cli.wait")
    # A shell that runs the tests in the background lets them ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = threading.Event()

    def press() -> None:
        while not ended.wait(1.0):  # a person presses again where nothing happens
            os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        assert main(["wait", "--home", str(tmp_path), "--bind", "127.0.0.1:1"]) == 130
    finally:
        ended.set()
        pressing.join()
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "interrupted\n"
