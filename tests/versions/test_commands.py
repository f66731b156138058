"""`gateway add` and `gateway describe` judge what another version wrote as a route does, and say what a route says."""

import json
from pathlib import Path

import pytest
from foreign.archives import Artifact, archives, columns_of, unpack, version_of

import extras
from gateway.cli.main import main

pytestmark = extras.needs("sklearn")


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Artifact]:
    """Return the artifacts of scikit-learn 1.4 by name, unpacked beside the working folder; it holds a registry."""
    archive = next(path for path in archives() if version_of(path) == "1.4")
    found = {one.path.name: one for one in unpack(archive, tmp_path / "old")}
    work = tmp_path / "work"
    work.mkdir()
    (work / "registry.yaml").write_text("version: 1\nroutes:\n")
    monkeypatch.chdir(work)
    return found


def golden_rows(artifact: Artifact, answers: list[float]) -> None:
    """Write golden rows into the working folder."""
    rows = [{f"x{i}": cell for i, cell in enumerate(row)} for row in artifact.rows]
    document = {"version": 1, "instances": rows, "predictions": [{"value": value} for value in answers]}
    Path("golden.json").write_text(json.dumps(document))


def copied(artifact: Artifact) -> str:
    """Copy an artifact into the working folder, where it is alone; return its name."""
    Path(artifact.path.name).write_bytes(artifact.path.read_bytes())
    return artifact.path.name


def test_add_and_describe_show_the_warnings(old: dict[str, Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    """A proven artifact of another version is added, and both commands say which version wrote it."""
    assert main(["add", copied(old["linear.pkl"]), "--route", "/old", "--allow-pickle"]) == 0
    assert "warning: written with scikit-learn 1.4.2, served with" in capsys.readouterr().out
    skops = copied(old["linear.skops"])
    assert main(["describe", skops]) == 0
    assert "warning   written with scikit-learn 1.4.2, served with" in capsys.readouterr().out
    assert main(["describe", "--json", skops]) == 0
    assert "scikit-learn 1.4.2" in json.loads(capsys.readouterr().out)["warnings"][0]


@pytest.mark.slow
def test_golden_rows_are_a_way_out_for_add(old: dict[str, Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    """The fix of `unproven-version` works when it is done: with rows that pass it is added, and says so."""
    artifact = old["linear.pkl"]
    # A version that nothing was compared with.
    artifact.path.write_bytes(artifact.path.read_bytes().replace(b"1.4.2", b"2.4.2"))
    command = ["add", copied(artifact), "--route", "/old", "--allow-pickle"]
    before = Path("registry.yaml").read_bytes()
    assert main(command) == 1
    assert "put golden rows" in capsys.readouterr().err
    # Other answers do not pass, and add says so, not the start.
    golden_rows(artifact, [value + 1 for value in artifact.answers["predict"]])
    assert main(command) == 1
    assert "golden row 0 of golden.json fails" in capsys.readouterr().err
    assert Path("registry.yaml").read_bytes() == before
    predictor = artifact.load()
    predictions = predictor.predict(columns_of(predictor.signature, artifact.rows))
    golden_rows(artifact, [float(value) for value in predictions.values])
    assert main(command) == 0
    assert "golden rows pass" in capsys.readouterr().out
