"""What the gateway starts imports nothing of the folder it is in."""

import re
import subprocess
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.system.own_python import module_words
from serving import ROOT

#: Modules that our processes import: of the standard library, of packages, and the package itself.
SHADOWING = ("gateway", "json", "msgspec", "queue", "select", "signal", "tokenize", "urllib")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder: a stranger's, with files that are called as modules."""
    for name in SHADOWING:
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\nraise SystemExit(3)\n"
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_no_file_beside_is_taken_for_a_module(folder: Path) -> None:
    """The same words without it run what lies there: the files are no decoys."""
    words = module_words("gateway.security.key_set_fetch", "data:nothing")
    asked = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (asked.returncode, (folder / "ran").exists()) == (1, False), asked.stderr
    unsafe = [word for word in words if word != "-P"]
    assert subprocess.run(unsafe, capture_output=True, timeout=60, check=False).returncode == 3
    assert (folder / "ran").exists()


def test_a_model_is_described_in_the_folder_of_a_stranger(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A model comes as a folder: what lies beside it does not run when it is looked at."""
    (folder / "model.py").write_text("def predict(x: float) -> float:\n    return x\n")
    assert main(["describe", "model.py"]) == 0, capfd.readouterr().err
    assert not (folder / "ran").exists()


def test_nothing_is_started_in_another_way() -> None:
    """Nowhere is `-m` or `-c` the first word after the own Python."""
    unsafe = re.compile(r'sys\.executable,\s*"-[mc]"')
    assert not [path.name for path in (ROOT / "gateway").rglob("*.py") if unsafe.search(path.read_text("utf-8"))]
