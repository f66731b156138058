"""What cannot be read because another version wrote it names that version, where the file tells it."""

import pickle
from pathlib import Path

import pytest
from foreign.archives import archives, unpack, version_of

from gateway.errors import LoadError
from gateway.loaders.admission.pickle_globals import pickle_writers


@pytest.mark.parametrize(
    ("minor", "name", "version"),
    [("0.24", "boosting.pkl", "0.24.2"), ("1.3", "boosting.joblib", "1.3.2"), ("1.1", "boosting.pkl", "1.1.3")],
)
def test_a_global_that_is_gone_names_the_version_that_had_it(
    tmp_path: Path, minor: str, name: str, version: str
) -> None:
    """Pickle and joblib: a name that nobody knows any more."""
    archive = next(path for path in archives() if version_of(path) == minor)
    artifact = next(one for one in unpack(archive, tmp_path) if one.path.name == name)
    artifact.path.write_bytes(artifact.path.read_bytes().replace(b"BinomialDeviance", b"BinomialDeviants"))
    with pytest.raises(LoadError, match=f"another version wrote the file .it says scikit-learn {version}.$") as caught:
        artifact.load()
    assert caught.value.code == "wrong-version"


class Saying:
    """An object with a state of its choice."""

    def __init__(self, version: str) -> None:
        self._sklearn_version = version


def test_only_versions_are_told(tmp_path: Path) -> None:
    """A file may say anything; what is no version is not shown, and one that is cut short is no error."""
    path = tmp_path / "plain.pkl"
    for version, told in (("1.0.post1", ("1.0.post1",)), ("1.0\nroute READY", ()), ("1" * 99, ())):
        path.write_bytes(pickle.dumps(Saying(version)))
        assert pickle_writers(path) == told
    path.write_bytes(path.read_bytes()[:-9])
    assert pickle_writers(path) == ()
