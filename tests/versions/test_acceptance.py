"""What was written by another version serves proven, checked or accepted by name, and each way out works when taken."""

import json
from pathlib import Path

import pytest
from foreign.archives import archives, unpack, version_of

import extras
from gateway.artifacts.manifest import Manifest
from gateway.errors import LoadError
from gateway.loaders.base import Skew
from gateway.prepare.acceptance import accept
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.registry.load import load_registry

pytestmark = extras.needs("sklearn")

OLD = Skew(written=("scikit-learn 1.3.2",), unproven=("scikit-learn 1.3.2",), classes=("sklearn.tree.Tree",))
HERE = ("scikit-learn 1.9.1",)


def refused(skew: Skew, accepted: str | None) -> LoadError:
    """Return the fault."""
    with pytest.raises(LoadError) as caught:
        accept(skew, accepted=accepted, golden_rows=0, installed=HERE)
    return caught.value


def test_the_version_must_be_the_one_that_wrote_it() -> None:
    """accept_version is a statement about this artifact and not a switch: another version is refused, and named."""
    assert refused(OLD, None).code == "unproven-version"
    assert "accept_version says 1.3.1" in refused(OLD, "1.3.1").message
    assert 'accept_version: "1.3.2"' in str(refused(OLD, "1.3.1").hint)
    assert "accepted unchecked" in accept(OLD, accepted="1.3.2", golden_rows=0, installed=HERE)[0]


def test_every_unproven_version_is_named() -> None:
    """Of an artifact with parts of several versions all are accepted, or none; the fix says how to write it."""
    mixed = Skew(written=(), unproven=("scikit-learn 1.0.2", "xgboost 1.5.2"), classes=("a.B",))
    assert 'accept_version: "1.0.2, 1.5.2"' in str(refused(mixed, "1.0.2").hint)
    assert accept(mixed, accepted="1.5.2, 1.0.2", golden_rows=0, installed=HERE)


def test_golden_rows_and_proofs_are_told_as_warnings() -> None:
    """Whatever another version wrote and serves here says so."""
    assert "golden rows pass" in accept(OLD, accepted=None, golden_rows=3, installed=HERE)[0]
    proven = Skew(written=("scikit-learn 1.8.0",))
    assert "proven to answer alike" in accept(proven, accepted=None, golden_rows=0, installed=HERE)[0]
    assert accept(None, accepted=None, golden_rows=0, installed=HERE) == ()
    assert "not needed" in accept(None, accepted="1.3.2", golden_rows=0, installed=HERE)[0]


class Field:
    """A folder with artifacts of one version, a registry and a cache."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder = folder
        archive = next(path for path in archives() if version_of(path) == version)
        self.artifacts = {one.path.name: one for one in unpack(archive, folder)}

    def prepare(self, name: str, more: str = "") -> Manifest:
        """Prepare one pickle as a route, with further keys."""
        import hashlib

        pin = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        entry = f"{{artifact: {name}, allow_pickle: true, sha256: {pin}{more}}}"
        (self.folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {entry}\n")
        registry = load_registry(self.folder / "registry.yaml")
        return prepare_registry(registry, self.folder / "cache", PrepareLimits())["m"]

    def told_otherwise(self, name: str, version: str, other: str) -> None:
        """Let an artifact say that another version wrote it; only a plain pickle can be changed so."""
        path = self.folder / name
        path.write_bytes(path.read_bytes().replace(version.encode(), other.encode()))

    def golden(self, name: str) -> None:
        """Write the answers of the artifact's own version as golden rows."""
        artifact = self.artifacts[name]
        rows = [{f"x{i}": cell for i, cell in enumerate(row)} for row in artifact.rows]
        document = {
            "version": 1,
            "instances": rows,
            "predictions": [{"value": value} for value in artifact.answers["predict"]],
        }
        (self.folder / "rows.json").write_text(json.dumps(document))


@pytest.mark.slow
def test_leaves_that_are_no_probabilities_are_refused_whatever_the_owner_says(tmp_path: Path) -> None:
    """Neither accept_version nor golden labels make a forest serve whose leaves count; that of 1.3 is repaired."""
    field = Field(tmp_path, "1.3")
    assert field.prepare("forest.pkl").problem is None
    field.told_otherwise("forest.pkl", "1.3.2", "1.8.2")
    for more in ("", ', accept_version: "1.8.2"'):
        problem = field.prepare("forest.pkl", more).problem
        assert problem is not None
        assert problem.code == "not-probabilities"
        assert "train it again" in str(problem.hint)


@pytest.mark.slow
def test_each_way_out_of_an_unproven_version_works(tmp_path: Path) -> None:
    """Golden rows and accept_version make the same artifact serve, and the manifest warns of it."""
    field = Field(tmp_path, "1.4")
    field.told_otherwise("linear.pkl", "1.4.2", "2.4.2")
    problem = field.prepare("linear.pkl").problem
    assert problem is not None
    assert problem.code == "unproven-version"
    assert "scikit-learn 2.4.2" in problem.message
    accepted = field.prepare("linear.pkl", ', accept_version: "2.4.2"')
    assert accepted.problem is None
    assert any("accepted unchecked" in text for text in accepted.warnings)
    field.golden("linear.pkl")
    assert field.prepare("linear.pkl", ", golden: rows.json").problem is None
    field.golden("ridge.pkl")
    mismatch = field.prepare("linear.pkl", ", golden: rows.json").problem
    assert mismatch is not None
    assert mismatch.code == "golden-mismatch"


def test_proven_artifacts_serve_and_say_so(tmp_path: Path) -> None:
    """A linear model of 1.3 answers alike: it serves, with a warning."""
    found = Field(tmp_path, "1.3").prepare("linear.pkl")
    assert found.problem is None
    assert any("scikit-learn 1.3.2" in text and "proven" in text for text in found.warnings)
