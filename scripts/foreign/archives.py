"""Reads the committed artifacts of other versions, asks this gateway's loaders, and compares with what was answered."""

import json
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sniffing import sniff
from gateway.schema import Column, Predictions, Predictor, Signature, make_column

#: What archives are named after: the library whose versions they hold.
LIBRARIES: Final = ("sklearn", "xgboost", "lightgbm", "catboost", "imbalanced")
FOLDER: Final = Path(__file__).resolve().parents[2] / "tests" / "versions" / "artifacts"
#: As golden rows do.
ABSOLUTE, RELATIVE = 1e-6, 1e-5


@dataclass(frozen=True, slots=True)
class Artifact:
    """Hold one file of another version, and what that version answered to `rows`."""

    path: Path
    family: str
    versions: dict[str, str]
    rows: Any
    answers: dict[str, Any]

    @property
    def loader(self) -> str:
        """Return the name of the loader that reads it."""
        return (*sniff(self.path, self.path.name), "sklearn")[0]

    def load(self) -> Predictor:
        """Load it as a route with allow_pickle would; raises GatewayError."""
        return get_loader(self.loader).load(self.path, LoadOptions(allow_pickle=True))


def archives(library: str = "sklearn") -> list[Path]:
    """Return the archives that were written for a library, oldest version first."""
    found = FOLDER.glob(f"{library}-*.tar.xz")
    return sorted(found, key=lambda path: [int(number) for number in version_of(path).split(".")])


def all_archives() -> list[Path]:
    """Return the archives of all libraries."""
    return [archive for library in LIBRARIES for archive in archives(library)]


def version_of(archive: Path) -> str:
    """Return `0.20` of `sklearn-0.20.tar.xz`."""
    return archive.name.removesuffix(".tar.xz").rpartition("-")[2]


def unpack(archive: Path, folder: Path) -> Iterator[Artifact]:
    """Yield every artifact of an archive."""
    with tarfile.open(archive) as stream:
        stream.extractall(folder, filter="data")
    document = json.loads((folder / "answers.json").read_text())
    for family, entry in sorted(document["families"].items()):
        for name in entry["files"]:
            yield Artifact(folder / name, family, document["versions"], document["rows"][entry["inputs"]], entry)


def columns_of(signature: Signature, rows: Any) -> list[Column]:
    """Shape the rows as the predictor takes them: texts, rows by name, or rows by position."""
    if isinstance(rows[0], str):
        return [make_column("string", rows)]
    columns = []
    for position, field in enumerate(signature.inputs):
        # Until 0.24 a model that was fitted on a frame forgot its names.
        cells: list[Any] = [
            (row[field.name] if field.name in row else list(row.values())[position])
            if isinstance(row, dict)
            else row[position]
            for row in rows
        ]
        columns.append(make_column(field.type, [math.nan if cell is None else cell for cell in cells]))
    return columns


def answer(predictor: Predictor, artifact: Artifact) -> Predictions:
    """Ask the loaded artifact what its own version was asked."""
    return predictor.predict(columns_of(predictor.signature, artifact.rows))


def difference(predictor: Predictor, found: Predictions, artifact: Artifact) -> str:
    """Return what differs from the answers of the version that wrote it; "" where nothing does."""
    output = predictor.signature.output
    expected = artifact.answers["predict"]
    values = [output.labels[int(i)] for i in found.values] if output.kind == "classification" else found.values
    if not _equal(values, expected):
        return "labels or values"
    wanted = artifact.answers.get("proba")
    if found.probabilities is None or wanted is None:
        return ""
    wanted = _of_ones(wanted) if output.kind == "multi_label" else wanted
    return "" if _equal(found.probabilities, wanted) else "probabilities"


def _of_ones(tables: Any) -> Any:
    """Turn one table of two columns per label into one column per label; others are that already."""
    shape = np.shape(tables)
    return np.transpose([np.asarray(table)[:, 1] for table in tables]) if len(shape) == 3 else tables


def _equal(found: Any, expected: Any) -> bool:
    try:
        left, right = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    except ValueError:
        return [str(one) for one in np.ravel(found)] == [str(one) for one in np.ravel(expected)]
    if left.size != right.size:
        return False
    return bool(np.allclose(left.reshape(-1), right.reshape(-1), atol=ABSOLUTE, rtol=RELATIVE))


def ask(artifact: Artifact) -> tuple[str, Predictor | None]:
    """Return `equal`, `wrong` or `refused: code`, and what was loaded."""
    try:
        predictor = artifact.load()
        found = answer(predictor, artifact)
    except GatewayError as error:
        return f"refused: {error.code}", None
    except Exception as error:
        return f"refused: {type(error).__name__}", None
    return ("wrong" if difference(predictor, found, artifact) else "equal"), predictor
