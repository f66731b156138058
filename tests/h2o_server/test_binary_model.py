"""Which release wrote a binary model, and where it lies: nothing else passes for one."""

from pathlib import Path

import pytest

from gateway.errors import ArtifactError
from gateway.h2o_server.binary_model import find_model, read_version


def _binary(version: bytes) -> bytes:
    return b"\x1c\xed" + bytes([len(version) + 1]) + version + b"\x01\xed\xbd\x05 BAD"


@pytest.mark.parametrize("version", ["3.46.0.11", "3.30.1.3", "3.8.2.11"])
def test_release_is_read(tmp_path: Path, version: str) -> None:
    """The version stands at the beginning, whatever its length."""
    path = tmp_path / "model"
    path.write_bytes(_binary(version.encode()))
    assert read_version(path) == version


@pytest.mark.parametrize(
    "content", [b"", b"\x1c\xed", b"\x1c\xed\x0a3.46", b"\x1c\xed\x0aabcdefghi\x01", b"PK\x03\x04", b"\x1c\xed\x00"]
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    """A MOJO, a cut file and noise are no binary models."""
    path = tmp_path / "model.zip"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"'model\.zip' is no model in H2O's binary format") as caught:
        read_version(path)
    assert caught.value.code == "no-h2o-binary"


def test_model_of_an_mlflow_folder(tmp_path: Path) -> None:
    """The file beside the YAML is the model; two, or none, are told."""
    folder = tmp_path / "run" / "model.h2o"
    folder.mkdir(parents=True)
    (folder / "h2o.yaml").write_text("model_file: GBM_1")
    with pytest.raises(ArtifactError, match="holds 0 binary H2O models"):
        find_model(tmp_path / "run")
    (folder / "GBM_1").write_bytes(_binary(b"3.46.0.11"))
    assert find_model(tmp_path / "run") == folder / "GBM_1"
    (folder / "GBM_2").write_bytes(_binary(b"3.46.0.11"))
    with pytest.raises(ArtifactError, match="holds 2 binary H2O models"):
        find_model(tmp_path / "run")
