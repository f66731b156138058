"""Says which release of H2O wrote a binary model, and where it lies in an artifact; needs no Java."""

import re
from pathlib import Path
from typing import Final

from gateway.errors import ArtifactError
from gateway.system import files

_MAGIC: Final = b"\x1c\xed"
_VERSION: Final = re.compile(rb"[0-9]+(\.[0-9]+)+")
#: A version is a dozen characters; its length stands in front of it, as a number that is greater by one.
_HEAD_BYTES: Final = 64
#: MLflow's folder of an H2O model, in which the model is the file that is no YAML.
_MLFLOW_FOLDER: Final = "model.h2o"


def find_model(artifact: Path) -> Path:
    """Return the file of a binary model: the artifact itself, or the one in an MLflow folder; raises ArtifactError."""
    if not artifact.is_dir():
        return artifact
    inside = [path for path in sorted((artifact / _MLFLOW_FOLDER).glob("*")) if path.is_file()]
    found = [path for path in inside if path.suffix != ".yaml"]
    if len(found) == 1:
        return found[0]
    raise ArtifactError(
        f"the folder {artifact.name} holds {len(found)} binary H2O models below {_MLFLOW_FOLDER}/, one is wanted",
        code="no-h2o-binary",
        hint="name the file that h2o.save_model wrote, or a model that mlflow.h2o.log_model logged",
    )


def read_version(path: Path) -> str:
    """Return the release of H2O that wrote a binary model; raises ArtifactError for every other file."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    start = len(_MAGIC) + 1
    size = head[len(_MAGIC)] - 1 if len(head) > start else 0
    text = head[start : start + size]
    if head.startswith(_MAGIC) and len(text) == size and _VERSION.fullmatch(text):
        return text.decode()
    raise ArtifactError(
        f"'{files.shortened(path.name)}' is no model in H2O's binary format",
        code="no-h2o-binary",
        hint="name the file that h2o.save_model wrote; a MOJO (.zip) is served without `executor`, and faster",
    )
