"""`gateway promote`: what a candidate changes is told, refused where it must be, and served only then."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.generations import snapshot
from serving import COMMAND

REGISTRY = (
    "version: 1\nroutes:\n  /other: old.stub\n  /m:  # the one\n    artifact: old.stub  # of spring\n    timeout_s: 2\n"
)


def stub(answer: Any = None, **keys: Any) -> str:
    """Return a model that answers one label, or the sum of its inputs."""
    output = {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}
    inputs = [{"name": "age", "type": "number"}, *keys.pop("more", [])]
    output = {"kind": "regression"} if answer is None else output
    script = {"inputs": inputs, "output": output} | ({} if answer is None else {"answer": answer})
    return json.dumps(script | keys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with a served model, and rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.stub").write_text(stub("no"))
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    (tmp_path / "rows.csv").write_text("age,right\n1,no\n2,no\n3,yes\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of one command."""
    code = main(["promote", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_answers_that_change_too_often_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure is told, and nothing is changed; without rows there is nothing to measure."""
    (folder / "new.stub").write_text(stub("yes"))
    words = ("new.stub", "--route", "/m", "--max-changed", "5%", "--dry-run")
    code, out, err = run(capsys, *words, "--data", "rows.csv", "--expected", "right")
    assert code == 1
    assert "3 of 3 change (100.0%)" in out
    assert "right labels           served 0.6667   candidate 0.3333   worse" in out
    assert "row 0   no (yes 0.000) -> yes (1.000)   (+1)\n      age 1\n" in out
    assert "REFUSED         100.0% of the labels on rows.csv change, --max-changed allows 5%\n" in out
    assert "  -    artifact: old.stub  # of spring\n  +    artifact: new.stub  # of spring\n  +    version: " in out
    code, _, err = run(capsys, *words)
    assert (code, "[nothing-compared]" in err) == (1, True)
    assert (folder / "registry.yaml").read_text() == REGISTRY
    assert snapshot.committed(folder / ".gateway" / "state") is None


def test_a_promotion_is_written_committed_and_undone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry gets artifact, pin and version, a generation is committed, and both lines of undoing work as printed."""
    assert main(["reload", "--quiet"]) == 0
    before = snapshot.committed(folder / ".gateway" / "state")
    assert before is not None
    (folder / "new.stub").write_text(stub("no", busy_s=0))
    code, out, _ = run(capsys, "new.stub", "--route", "/m", "--data", "rows.csv", "--max-changed", "0")
    assert code == 0
    assert "0 of 3 change (0.0%)" in out
    after = snapshot.committed(folder / ".gateway" / "state")
    assert after is not None
    spec = after.registry.routes[1]
    assert (spec.artifact, spec.version) == ("new.stub", str(spec.sha256)[:12])
    assert spec.sha256 == after.manifests["m"].artifact.sha256  # type: ignore[union-attr]
    text = (folder / "registry.yaml").read_text()
    assert "  /m:  # the one\n    artifact: new.stub  # of spring\n    version: " in text
    lines = dict(
        line.split(":   ", 1) if ":   " in line else line.split(":  ", 1)
        for line in out.splitlines()
        if line.startswith("undo")
    )
    assert lines["undo at once"] == f"gateway rollback {before.id}"
    assert main(lines["undo at once"].split()[1:]) == 0
    assert snapshot.committed(folder / ".gateway" / "state").id == before.id  # type: ignore[union-attr]
    copy, _, reload = lines["undo the edit"].partition(" && ")
    _, source, target = copy.split()
    (folder / target).write_bytes((folder / source).read_bytes())
    assert main(reload.split()[1:]) == 0
    assert (folder / "registry.yaml").read_text() == REGISTRY
    assert snapshot.committed(folder / ".gateway" / "state").id == before.id  # type: ignore[union-attr]


def test_what_breaks_clients_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new required input breaks requests that worked: only --allow-breaking promotes it."""
    assert main(["reload", "--quiet"]) == 0
    (folder / "new.stub").write_text(stub("no", more=[{"name": "sex", "type": "string"}]))
    code, out, _ = run(capsys, "new.stub", "--route", "/m", "--dry-run")
    assert code == 1
    assert "breaks clients  input sex is new and required\n" in out
    assert "REFUSED         it breaks clients; to do so all the same: --allow-breaking\n" in out
    code, _, err = run(capsys, "new.stub", "--route", "/m", "--data", "rows.csv")
    assert (code, "rows.csv does not fit the inputs of the model" in err, "sex is required" in err) == (1, True, True)
    assert run(capsys, "new.stub", "--route", "/m", "--dry-run", "--allow-breaking")[0] == 0
    assert (folder / "registry.yaml").read_text() == REGISTRY


def test_a_candidate_that_fails_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own golden rows fail: the reason is told, and what is served stays."""
    (folder / "new").mkdir()
    (folder / "new" / "m.stub").write_text(stub("no"))
    golden = {"version": 1, "instances": [{"age": 1}], "predictions": [{"label": "yes"}]}
    (folder / "new" / "golden.json").write_text(json.dumps(golden))
    code, _, err = run(capsys, "new/m.stub", "--route", "/m")
    assert code == 1
    assert "the candidate is refused: golden row 0 of golden.json fails: label: expected 'yes', got 'no'" in err
    assert "[golden-mismatch]" in err
    assert (folder / "registry.yaml").read_text() == REGISTRY


@pytest.mark.slow
def test_an_entry_that_names_another_loader(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`loader:` of the entry is not overwritten silently; the option does it."""
    (folder / "new.stub").write_text(stub("no"))
    (folder / "registry.yaml").write_text(REGISTRY.replace("    timeout_s: 2\n", "    loader: python\n"))
    code, _, err = run(capsys, "new.stub", "--route", "/m", "--dry-run")
    assert (code, "[other-loader]" in err, "--loader stub" in err) == (1, True, True)
    code, out, _ = run(capsys, "new.stub", "--route", "/m", "--dry-run", "--loader", "stub")
    assert (code, "  +    loader: stub\n" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new.stub", "--route", "/n"], "registry.yaml has no route '/n' (/other or /m)  [no-such-route]"),
        (["absent.stub", "--route", "/m"], "artifact 'absent.stub' does not exist"),
        (["new.stub", "--route", "/m", "--max-changed", "much"], "'much' is no share: 5% or 0.05"),
        (["new.stub", "--route", "/m", "--expected", "right"], "--expected names a column of --data"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Before any model is asked."""
    (folder / "new.stub").write_text(stub("no"))
    try:
        code = main(["promote", *words])
    except SystemExit as error:
        code = int(str(error.code))
    assert code in (1, 2)
    assert said in capsys.readouterr().err


def test_a_refused_reload_puts_the_registry_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another route that was edited meanwhile fails: the reload is refused whole, and the file is as it was."""
    assert main(["reload", "--quiet"]) == 0
    before = snapshot.committed(folder / ".gateway" / "state")
    edited = REGISTRY.replace("/other: old.stub", "/other: absent.stub")
    (folder / "registry.yaml").write_text(edited)
    (folder / "new.stub").write_text(stub("no", busy_s=0))
    code, out, _ = run(capsys, "new.stub", "--route", "/m")
    assert code == 78
    assert "refused" in out
    assert "registry.yaml is as it was; what was served is served on\n" in out
    assert (folder / "registry.yaml").read_text() == edited
    assert snapshot.committed(folder / ".gateway" / "state") == before


def test_a_registry_that_cannot_be_written_is_told_with_the_lines_to_write(folder: Path) -> None:
    """A read-only folder: nothing is changed, and the fix names the lines that --dry-run shows."""
    (folder / "new.stub").write_text(stub("no", busy_s=0))
    for path, mode in ((folder / "registry.yaml", 0o444), (folder, 0o555)):
        path.chmod(mode)
    # Root writes everywhere unless the right to do so is taken away.
    rights = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    if rights and shutil.which("setpriv") is None:
        pytest.skip("root writes everywhere, and there is no setpriv (util-linux)")
    environ = os.environ | {"GATEWAY_HOME": str(folder.parent / "home")}
    words = [*rights, str(COMMAND), "promote", "new.stub", "--route", "/m"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=200, check=False)
    folder.chmod(0o755)
    assert done.returncode == 78, done.stderr
    assert "registry.yaml cannot be written: Permission denied" in done.stderr
    assert "as the lines of --dry-run show" in done.stderr
    assert (folder / "registry.yaml").read_text() == REGISTRY
    assert snapshot.committed(folder.parent / "home" / "state") is None
