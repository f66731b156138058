"""`gateway promote` and `gateway golden` with references into an MLflow store."""

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from sklearn.linear_model import LinearRegression

import extras
from gateway.cli.main import main
from gateway.generations import snapshot
from gateway.registry.spec import RouteSpec
from references.stores import FileStore, lightgbm_folder

pytestmark = extras.needs("mlflow", "lightgbm")

REGISTRY = (
    "version: 1\nroutes:\n  /rent:  # by the square metre\n    artifact: mlflow:models:/rent@champion  # of spring\n"
    '    compile: "off"\n'
)


@dataclass
class Desk:
    """A folder with a registry and its store, where commands run."""

    folder: Path
    store: FileStore
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str]:
        """Return exit code and all that one command says."""
        code = main(list(words))
        told = self.capsys.readouterr()
        return code, told.out + told.err

    def log(self, name: str, number: int, model: Path) -> None:
        """Register a model folder as a version."""
        run_id = f"{number}{len(name)}" * 16
        folder = self.store.run(run_id) / "model"
        model.rename(folder)
        self.store.log_model(run_id, folder)
        self.store.version(name, number, run_id)

    @property
    def text(self) -> str:
        """Return the registry."""
        return (self.folder / "registry.yaml").read_text()

    def served(self) -> RouteSpec:
        """Return the entry of the one route as it is committed."""
        found = snapshot.committed(self.folder / ".gateway" / "state")
        assert found is not None
        (spec,) = found.registry.routes
        assert found.manifests[spec.name].problem is None
        return spec


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Return a registry that serves version 1 of two, by its alias."""
    monkeypatch.chdir(tmp_path)
    found = Desk(tmp_path, FileStore(tmp_path / "mlruns"), capsys)
    for number, slope in ((1, 2.0), (2, 5.0)):
        found.log("rent", number, lightgbm_folder(tmp_path / f"v{number}", slope))
    found.store.alias("rent", "champion", 1)
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    (tmp_path / "rows.csv").write_text("a,right\n0.5,1\n-1,-2\n")
    return found


@pytest.mark.slow
def test_a_version_of_the_store_is_promoted(desk: Desk) -> None:
    """Alias and version answer the same rows; the entry names the version, pinned by its copy and not by a sha256."""
    code, said = desk.run("golden", "mlflow:models:/rent@champion", "--from", "rows.csv")
    # A golden.json beside the registry would be taken for that of a file there.
    assert (code, "wrote rent.golden.json" in said, "    golden: rent.golden.json" in said) == (0, True, True), said
    words = ("promote", "mlflow:models:/rent/2", "--route", "/rent", "--version", "autumn")
    code, said = desk.run(*words, "--data", "rows.csv", "--expected", "right")
    assert (code, "values     2 of 2 change (100.0%)" in said) == (0, True), said
    assert '    artifact: "mlflow:models:/rent/2"  # of spring\n    version: autumn\n' in desk.text
    spec = desk.served()
    assert (spec.sha256, spec.allow_pickle, spec.version) == (None, False, "autumn")
    assert spec.resolved is not None
    assert (spec.resolved.version, len(spec.resolved.sha256)) == ("2", 64)


@pytest.mark.slow
def test_a_version_that_is_refused_or_rolled_back_leaves_the_alias_serving(desk: Desk) -> None:
    """Too many changes, or golden rows that differ, change nothing; the printed rollback serves the alias again."""
    assert desk.run("reload")[0] == 0
    words = ("promote", "mlflow:models:/rent/2", "--route", "/rent", "--data", "rows.csv")
    code, said = desk.run(*words, "--max-changed", "50%")
    assert (code, "REFUSED         100.0% of the values on rows.csv change" in said) == (1, True), said
    assert (desk.text, desk.served().resolved.version) == (REGISTRY, "1")  # type: ignore[union-attr]
    code, said = desk.run(*words)
    undo = next(line for line in said.splitlines() if line.startswith("undo at once:"))
    assert desk.served().resolved.version == "2"  # type: ignore[union-attr]
    assert desk.run(*undo.split()[4:])[0] == 0
    assert desk.served().resolved.version == "1"  # type: ignore[union-attr]
    code, said = desk.run("golden", "mlflow:models:/rent/2", "--from", "rows.csv", "--expected", "right")
    assert (code, "DIFFERENT: 2 of 2 answers" in said) == (1, True), said
    desk.run("golden", "mlflow:models:/rent/1", "--from", "rows.csv")
    (desk.folder / "registry.yaml").write_text(REGISTRY + "    golden: rent.golden.json\n")
    code, said = desk.run(*words)
    assert (code, "[golden-mismatch]" in said, "with --golden" in said) == (1, True, True), said


@pytest.mark.slow
def test_what_the_store_does_not_hold_is_refused_by_both(desk: Desk) -> None:
    """Model, alias, version and the store itself, by name; the registry stays."""
    for reference, said in {
        "mlflow:models:/rnet/1": "did you mean 'rent'?",
        "mlflow:models:/rent@champoin": "did you mean 'champion'?",
        "mlflow:models:/rent/7": "mlflow:models:/rent/2",
        "mlflow:models:/rent": "neither an alias nor a version",
    }.items():
        for words in (("promote", reference, "--route", "/rent"), ("golden", reference, "--from", "rows.csv")):
            code, told = desk.run(*words)
            assert (code in (1, 78), said in told) == (True, True), (words, told)
    (desk.folder / "mlruns").rename(desk.folder / "away")
    code, told = desk.run("golden", "mlflow:models:/rent/1", "--from", "rows.csv")
    assert (code, "there is no MLflow store at" in told) == (1, True), told
    assert desk.text == REGISTRY


def pickled(folder: Path) -> Path:
    """Write an MLflow folder whose flavour is a pickle."""
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])))
    keys = {"pickled_model": "model.pkl", "serialization_format": "pickle", "sklearn_version": "1.9.1"}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": keys}}))
    return folder


@pytest.mark.slow
def test_a_pickle_of_a_store_is_opened_as_its_fix_says(desk: Desk) -> None:
    """No fix asks for a sha256: the option of a command, or `allow_pickle` of a route, is all that is needed."""
    desk.log("old", 1, pickled(desk.folder / "p"))
    golden = ("golden", "mlflow:models:/old/1", "--from", "rows.csv", "--loader", "sklearn", "--dry-run")
    promote = ("promote", "mlflow:models:/old/1", "--route", "/rent", "--allow-breaking", "--dry-run")
    for words in (golden, promote):
        code, said = desk.run(*words)
        assert (code, "pickle" in said, "--allow-pickle" in said, "sha256" in said) == (1, True, True, False), said
        code, said = desk.run(*words, "--allow-pickle")
        assert "sha256" not in said
        assert "pickle-" not in said
    (desk.folder / "registry.yaml").write_text("version: 1\nroutes:\n  /rent: mlflow:models:/old/1\n")
    _, said = desk.run("plan")
    assert "set `allow_pickle: true` for this route; the digest of the copy is its pin" in said
    (desk.folder / "registry.yaml").write_text(
        "version: 1\nroutes:\n  /rent: {artifact: mlflow:models:/old/1, allow_pickle: true}\n"
    )
    assert desk.run("reload")[0] == 0
    assert desk.served().resolved.version == "1"  # type: ignore[union-attr]


@pytest.mark.slow
def test_the_opt_in_of_a_pickle_does_not_outlive_it(desk: Desk) -> None:
    """A promotion that says no --allow-pickle takes it out of the entry: an alias could name another pickle tomorrow."""
    data = pickle.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]))
    (desk.folder / "m.pkl").write_bytes(data)
    pin = hashlib.sha256(data).hexdigest()
    entry = f"version: 1\nroutes:\n  /rent: {{artifact: m.pkl, allow_pickle: true, sha256: {pin}}}\n"
    (desk.folder / "registry.yaml").write_text(entry)
    assert desk.run("reload")[0] == 0
    code, said = desk.run("promote", "mlflow:models:/rent@champion", "--route", "/rent", "--allow-breaking")
    assert code == 0, said
    assert desk.text == 'version: 1\nroutes:\n  /rent: {artifact: "mlflow:models:/rent@champion"}\n'


@pytest.mark.slow
def test_a_pinned_reference_that_moved_is_mended_as_its_fix_says(desk: Desk) -> None:
    """`sha256` beside a reference refuses a moved alias; the version that it pins, or no sha256, serves."""
    assert desk.run("reload")[0] == 0
    pin = desk.served().resolved.sha256  # type: ignore[union-attr]
    (desk.folder / "registry.yaml").write_text(f"{REGISTRY}    sha256: {pin}\n")
    assert desk.run("reload")[0] == 0
    desk.store.alias("rent", "champion", 2)
    _, said = desk.run("plan")
    assert "name the pinned version, or check the new one and set sha256 to its hash" in said
    (desk.folder / "registry.yaml").write_text(f"{REGISTRY}    sha256: {pin}\n".replace("@champion", "/1"))
    assert desk.run("reload")[0] == 0
    (desk.folder / "registry.yaml").write_text(REGISTRY)
    assert desk.run("reload")[0] == 0
    assert desk.served().resolved.version == "2"  # type: ignore[union-attr]
