"""`gateway golden`: does the model answer as a notebook did?"""

import json
import pickle
from pathlib import Path

import pytest

import extras
from gateway.artifacts.expected_answers import expected_of
from gateway.cli.golden import rounding
from gateway.cli.main import main
from gateway.schema import Output
from serving import ROOT

DIABETES = ROOT / "models" / "diabetes"
STUB = {
    "inputs": [
        {"name": "age", "type": "integer", "minimum": 0},
        {"name": "area", "type": "string", "enum": ["a", "b"]},
    ],
    "output": {"kind": "classification", "labels": ["no", "yes"], "probabilities": True},
    "answer": "yes",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with a model and a registry."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.stub").write_text(json.dumps(STUB))
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /m: m.stub\n")
    (tmp_path / "rows.csv").write_text("area,age,id,y\na,1,7,yes\nb,2,8,yes\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of one command."""
    code = main(["golden", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def exported(path: Path) -> None:
    """Write what a notebook exports: the inputs, the label, and the probability of class 1."""
    golden = json.loads((DIABETES / "golden.json").read_text())
    names = list(golden["instances"][0])
    lines = [",".join([*names, "outcome", "proba_1"])]
    for row, answer in zip(golden["instances"], golden["predictions"], strict=True):
        cells = ["" if row[name] is None else repr(row[name]) for name in names]
        lines.append(",".join([*cells, str(answer["label"]), repr(answer["probabilities"]["1"])]))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.skipif("xgboost" in extras.ABSENT, reason="xgboost is not installed here")
def test_the_answers_of_a_notebook_are_compared_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal probabilities become golden rows that the artifact passes whenever it is prepared."""
    (folder / "model.ubj").write_bytes((DIABETES / "model.ubj").read_bytes())
    exported(folder / "export.csv")
    code, out, _ = run(capsys, "model.ubj", "--from", "export.csv", "--expected", "proba_1")
    assert code == 0
    assert "'proba_1' holds probabilities of 1" in out
    assert "equal: 12 of 12 within 1e-06 + 1e-05 x |expected|" in out
    assert "    golden: golden.json\n" in out
    (folder / "registry.yaml").write_text("version: 1\nroutes:\n  /d: {artifact: model.ubj, compile: off}\n")
    assert main(["prepare"]) == 0
    assert "12 golden rows" in capsys.readouterr().out


def test_a_rounded_column_is_told_by_its_decimals() -> None:
    """Differences that rounding explains are said to be that, larger ones are not."""
    output = Output()
    found = expected_of({"y": ["1.25", "-0.5", "3"]}, output, output)
    assert "rounded to 2 decimals" in " ".join(rounding(found, 0.005))
    assert "--tolerance 0.005" in " ".join(rounding(found, 0.005))
    assert list(rounding(found, 0.006)) == []
    assert list(rounding(expected_of({"y": ["1"]}, output, output), 0.1)) == []


def test_rows_of_a_route(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A route is named by its path; what is there is replaced only when told so, and equal rows stay."""
    code, out, err = run(capsys, "/m", "--from", "rows.csv", "--expected", "y")
    assert (code, err) == (0, "")
    assert out == (
        "2 rows of rows.csv, answered by /m; no inputs: id\n'y' holds labels (no and yes)\nequal: 2 of 2\n"
        "wrote golden.json\nthe route takes this file already\n"
    )
    written = json.loads((folder / "golden.json").read_text())
    assert written["instances"] == [{"age": 1, "area": "a"}, {"age": 2, "area": "b"}]
    assert written["predictions"] == [{"label": "yes"}] * 2
    assert run(capsys, "/m", "--from", "rows.csv", "--expected", "y")[1].endswith(
        "unchanged: golden.json\nthe route takes this file already\n"
    )
    code, out, err = run(capsys, "/m", "--from", "rows.csv")
    assert code == 1
    assert "hold what the model answers now" in out
    assert err.startswith("error: golden.json exists, and holds other golden rows  [golden-exists]")
    assert run(capsys, "/m", "--from", "rows.csv", "--force")[0] == 0
    assert "probabilities" in json.loads((folder / "golden.json").read_text())["predictions"][0]


def test_each_row_that_differs_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Row, expected and found answer; nothing is written, and CI sees exit code 1."""
    (folder / "rows.csv").write_text("area,age,y\na,1,yes\nb,2,no\n")
    code, out, _ = run(capsys, "/m", "--from", "rows.csv", "--expected", "y", "--force")
    assert code == 1
    assert "DIFFERENT: 1 of 2 answers (rows count from 0)\n  row 1  label: expected 'no', got 'yes'\n" in out
    assert not (folder / "golden.json").exists()


def test_a_route_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest routes are named."""
    code, _, err = run(capsys, "/n", "--from", "rows.csv")
    assert code == 1
    assert err.startswith("error: registry.yaml has no route '/n' (/m)  [no-such-route]")


@pytest.mark.slow
def test_a_pickle_needs_its_option(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pickle is opened only when told so; what it then says is the reason that it serves nowhere."""
    (folder / "model.pkl").write_bytes(pickle.dumps({"not": "a model"}))
    code, _, err = run(capsys, "model.pkl", "--from", "rows.csv")
    assert (code, "[pickle-not-allowed]" in err) == (1, True)
    code, _, err = run(capsys, "model.pkl", "--from", "rows.csv", "--allow-pickle")
    assert (code, "[pickle-not-allowed]" in err) == (1, False)
