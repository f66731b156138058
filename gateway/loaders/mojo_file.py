"""
Reads what a MOJO says about itself: model.ini and the levels in domains/. Needs no Java.

Knows nothing of scoring.
"""

import zipfile
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.admission.archives import check_archive
from gateway.loaders.mojo_contents import missing_parts
from gateway.schema import Field, Output, Signature

_SERVED = ("Binomial", "Multinomial", "Ordinal", "Regression", "Clustering", "AnomalyDetection")
#: Missing parts that an error names.
_SHOWN = 5
_WITH_PROBABILITIES = ("Binomial", "Multinomial", "Ordinal")


@dataclass(frozen=True, slots=True)
class MojoInfo:
    """
    Hold the description of a MOJO.

    `columns` are the features in row order; `levels` has None for a numeric one. `labels` are the classes.
    `left_out` says what H2O answers beside what is answered here.
    """

    algorithm: str
    category: str
    h2o_version: str
    columns: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]
    labels: tuple[str | int, ...]
    threshold: float
    offset: str | None
    left_out: str = ""

    @property
    def has_probabilities(self) -> bool:
        """Say whether the scores after the first one are probabilities."""
        return self.category in _WITH_PROBABILITIES


class MojoArchive:
    """Read the files inside a MOJO; what compilers see of it. Not thread-safe; opens the archive at each call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, name: str) -> bool:
        """Say whether a file is inside."""
        with zipfile.ZipFile(self._path) as archive:
            return name in archive.NameToInfo

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(name)

    def sections(self, folder: str) -> tuple[dict[str, str], list[str]]:
        """Return the values and the column names in the model.ini of a folder, "" for the whole."""
        info, columns, _ = _sections(self.read(f"{folder}model.ini").decode("utf-8"))
        return info, columns


def read_mojo(path: Path) -> MojoInfo:
    """Read a MOJO's description; raises ArtifactError (`broken-artifact`) or LoadError (`unsupported-model`)."""
    try:
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged is not None:
                raise _broken(path, f"member {damaged} is damaged")
            return _read(path, archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, RuntimeError) as exc:
        raise _broken(path, str(exc) or type(exc).__name__) from exc
    except (KeyError, ValueError, IndexError) as exc:  # UnicodeDecodeError is a ValueError
        raise _broken(path, f"model.ini is incomplete: {exc}") from exc


def signature_of(info: MojoInfo) -> Signature:
    """Say inputs and outputs: every MOJO reads NaN as missing, so that every feature is nullable."""
    fields = [
        Field(name=name, type="number" if levels is None else "string", enum=levels, required=False, nullable=True)
        for name, levels in zip(info.columns, info.levels, strict=True)
    ]
    if info.offset is not None:
        fields.append(Field(name=info.offset, description="Offset added to the linear predictor."))
    return Signature(inputs=tuple(fields), output=_output(info))


def _output(info: MojoInfo) -> Output:
    if not info.labels:
        return Output(kind="regression")
    if info.category == "Binomial":
        # H2O's own rule: the second class from max-F1 of the training data on, not from one half.
        return Output(
            kind="classification",
            labels=info.labels,
            probabilities=True,
            positive=info.labels[1],
            threshold=info.threshold,
        )
    return Output(kind="classification", labels=info.labels, probabilities=info.has_probabilities)


def _broken(path: Path, reason: str, code: str = "broken-artifact") -> ArtifactError:
    return ArtifactError(
        f"{path.name}: not a readable MOJO: {reason}",
        code=code,
        hint="export it again with model.save_mojo(...) and compare its sha256 after copying",
    )


def _read(path: Path, archive: zipfile.ZipFile) -> MojoInfo:
    if "model.ini" not in archive.namelist():
        raise _broken(path, "the archive has no model.ini")
    info, columns, domains = _sections(archive.read("model.ini").decode("utf-8"))
    category = info["category"]
    if category not in _SERVED:
        raise LoadError(
            f"{path.name}: an H2O model of category {category} ({info.get('algorithm', info['algo'])})",
            code="unsupported-model",
            hint=f"served are: {', '.join(_SERVED)}",
        )
    count = int(info["n_features"])
    if len(columns) != int(info["n_columns"]) or not 0 < count <= len(columns):
        raise ValueError(f"{len(columns)} columns are listed, {info['n_columns']} announced")
    _refuse_incomplete(path, archive)
    is_escaped = info.get("escape_domain_values", "false") == "true"
    levels = {i: _levels(archive, domains[i], is_escaped) for i in domains}
    return MojoInfo(
        algorithm=info.get("algorithm", info["algo"]),
        category=category,
        h2o_version=info.get("h2o_version", ""),
        columns=tuple(columns[:count]),
        levels=tuple(levels.get(i) for i in range(count)),
        labels=_labels(info, levels, len(columns)),
        threshold=_threshold(archive, info),
        offset=_named(info.get("offset_column")),
        left_out=_left_out(info),
    )


def _left_out(info: dict[str, str]) -> str:
    if info["category"] == "AnomalyDetection":
        return "the score is answered; the mean path length that H2O answers beside it (mean_length) is not"
    if any(name.startswith("calib_") and _named(value) for name, value in info.items()):
        return "the probabilities of the model itself are answered; the calibrated ones (cal_…) are not"
    return ""


def _refuse_incomplete(path: Path, archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())

    def read(folder: str) -> tuple[dict[str, str], list[str]]:
        info, _, domains = _sections(archive.read(f"{folder}model.ini").decode("utf-8"))
        return info, [file for _, file in domains.values()]

    # As many as an error names: a MOJO may announce a billion trees.
    lacking = list(islice(missing_parts(names, read), _SHOWN + 1))
    if lacking:
        shown = ", ".join(lacking[:_SHOWN]) + (" and more" if len(lacking) > _SHOWN else "")
        raise _broken(path, f"it lacks {shown}", code="missing-parts")


def _labels(info: dict[str, str], levels: dict[int, tuple[str, ...]], columns: int) -> tuple[str | int, ...]:
    if info["category"] in _WITH_PROBABILITIES:
        return levels[columns - 1]
    if info["category"] == "Clustering":
        return tuple(range(int(info["center_num"])))
    return ()


def _threshold(archive: zipfile.ZipFile, info: dict[str, str]) -> float:
    """Return the threshold that labels follow: an ensemble's are its metalearner's, whatever it says of itself."""
    while info["algo"] == "stackedensemble":
        keys = {value: key for key, value in info.items() if key.startswith("submodel_key_")}
        folder = info[keys[info["metalearner"]].replace("_key_", "_dir_")]
        info = _sections(archive.read(f"{folder}model.ini").decode("utf-8"))[0]
    return float(info.get("default_threshold", "0.5"))


def _named(value: str | None) -> str | None:
    return None if value in (None, "", "null") else value


def _sections(text: str) -> tuple[dict[str, str], list[str], dict[int, tuple[int, str]]]:
    """Split model.ini: [info] has `key = value`, [columns] one name a line, [domains] `column: count file`."""
    info: dict[str, str] = {}
    columns: list[str] = []
    domains: dict[int, tuple[int, str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("[") and line.rstrip() in {"[info]", "[columns]", "[domains]"}:
            section = line.strip()
        elif section == "[columns]" and line:
            columns.append(line)
        elif section == "[info]" and " = " in line:
            key, _, value = line.partition(" = ")
            info[key] = value.strip()
        elif section == "[domains]" and ":" in line:
            index, _, rest = line.partition(":")
            count, file = rest.split()
            domains[int(index)] = (int(count), file)
    return info, columns, domains


def _levels(archive: zipfile.ZipFile, domain: tuple[int, str], is_escaped: bool) -> tuple[str, ...]:
    count, file = domain
    lines = archive.read(f"domains/{file}").decode("utf-8").split("\n")
    if len(lines) < count:
        raise ValueError(f"domains/{file} has {len(lines)} levels, {count} announced")
    found = lines[:count]
    return tuple(line.replace("\\n", "\n").replace("\\\\", "\\") if is_escaped else line for line in found)
