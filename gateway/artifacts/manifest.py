"""
The manifest of an entry: the results of preparing its artifact, so that readers need not load it.

Pure data and its JSON form. Prepare writes it; workers, catalog, readiness and plan read it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from gateway.artifacts.remote import Remote
from gateway.errors import Problem
from gateway.explanation import ExplanationScale
from gateway.schema import Field, FieldType, Output, Scalar, Signature
from gateway.system import atomic, files

#: Raised when the meaning of a manifest changes: old ones in the cache are then prepared anew.
MANIFEST_FORMAT = 2
#: One of a model with 20,000 inputs is 3 MB.
MOST_BYTES = 64 * 2**20
#: Longest predict that the event loop may do for one request: at 1 ms, 200 waiting connections still see under 0.2 s.
INLINE_LIMIT_S: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """
    Name a file that code reads, by its absolute path, and the bytes it had; "" where it was looked for and absent.

    `is_kept` says that a copy lies in the cache, at the same place beside the code's own copy.
    """

    path: str
    sha256: str
    is_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """Name one of several files that make one model: its original file, and the bytes it had."""

    origin: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """
    Point at verified bytes in the content-addressed cache; `path` is absolute, `origin` is the original file.

    `files` are further files that an artifact which is code reads; `sha256` covers them too. Its relative names start
    from `working_folder`; "" is the one of the process. `parts` are set where several files make one model: `path` is
    then a folder of them (see bundle_folders.py), and `origin` the last one.
    """

    path: str
    sha256: str
    size_bytes: int
    origin: str
    files: tuple[StoredFile, ...] = ()
    working_folder: str = ""
    parts: tuple[StoredPart, ...] = ()

    @property
    def sources(self) -> tuple[StoredPart, ...]:
        """Return the original files, in their order; one, unless several make one model."""
        return self.parts or (StoredPart(origin=self.origin, sha256=self.sha256),)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenResult:
    """
    Record the self-test: how many rows, and the largest difference seen.

    `columns` (name and type), `names_known` and `output` are the artifact's own, which the registry may have renamed:
    golden rows are written in them.
    """

    rows: int
    max_difference: float
    columns: tuple[tuple[str, FieldType], ...] = ()
    names_known: bool = True
    output: Output = field(default_factory=Output)

    @property
    def signature(self) -> Signature:
        """Return as much of the artifact's own signature as golden rows need."""
        inputs = tuple(Field(name=name, type=of) for name, of in self.columns)
        return Signature(inputs=inputs, output=self.output, names_known=self.names_known)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """
    Describe a faster predictor that was proven equal to the original; it lies at `path` and has this `sha256`.

    `gain` is how many times faster one row is, `predict_s` the compiled model's time of it, `batch_gain` how many times
    faster a row of a batch is (0 where that was not measured). `max_difference` is relative to the
    expected value where that exceeds 1. `ties` counts rows where the original found two labels equally likely and the
    compiled model chose the other. `complete` is false where time ran out before all generated rows were compared.
    """

    compiler: str
    runtime: str
    path: str
    sha256: str
    rows_proven: int
    max_difference: float
    gain: float
    predict_s: float
    ties: int = 0
    complete: bool = True
    size_bytes: int = 0
    batch_gain: float = 0.0
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationReport:
    """
    Say whether answers can be explained exactly, and what preparing found where they can.

    `reason` is set exactly where they cannot, `instead` says what could be. `of` tells what is explained: the value,
    the label `label` of two, or the label that is predicted. `importance` is the mean |contribution| of each field over
    the `importance_rows` rows of `importance_of` (golden rows; generated ones are no measure of importance and have
    none); `rows` were checked, `max_error` is the largest relative error of a sum, `row_s` the time of one row.
    `problem` is the code where explaining ended the prepare child.
    """

    scale: ExplanationScale = "value"
    of: Literal["value", "label", "predicted label"] = "value"
    label: Scalar | None = None
    reason: str = ""
    instead: str = ""
    importance: dict[str, float] = field(default_factory=dict)
    importance_of: str = ""
    importance_rows: int = 0
    rows: int = 0
    max_error: float = 0.0
    row_s: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """
    Point at a file that pages show beside a model: `path` is its copy in the cache, `origin` the original.

    No prediction needs it, so `problem` costs what it would show and never the route; `path` and `sha256` are then "".
    """

    origin: str
    path: str = ""
    sha256: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """
    Describe a prepared model.

    Times are in seconds, memory is the growth of the resident bytes of the child. `problem` is set exactly when the
    entry FAILED; then `signature` may be None. `inline` says that one predict is short enough for the event loop.
    `compile_declined` says why there is no compiled model; `compile_problem` is the code where compiling ended the
    child. `attachments` are files that pages show, by the key of the route that names them (`plot`). `explanation` says
    whether answers can be explained; None where that was not looked for. `remote` says where the model answers; None
    where workers load it.
    """

    key: str
    loader: str
    artifact: StoredArtifact | None = None
    signature: Signature | None = None
    problem: Problem | None = None
    platform: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    load_s: float = 0.0
    predict_s: float = 0.0
    memory_bytes: int = 0
    inline: bool = False
    golden: GoldenResult | None = None
    compiled: CompiledModel | None = None
    compile_declined: str = ""
    compile_problem: str = ""
    warnings: tuple[str, ...] = ()
    attachments: dict[str, Attachment] = field(default_factory=dict)
    explanation: ExplanationReport | None = None
    remote: Remote | None = None
    format: int = MANIFEST_FORMAT

    @property
    def state(self) -> Literal["ready", "failed"]:
        """Say whether this model can serve."""
        return "failed" if self.problem else "ready"


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(Manifest).decode


def write(path: Path, manifest: Manifest) -> None:
    """Write atomically: readers see the old bytes or the new ones, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.replace_bytes(path, msgspec.json.format(msgspec.json.encode(manifest), indent=2))


def read(path: Path) -> Manifest | None:
    """Return the manifest, or None where it is absent, damaged or of another format."""
    try:
        manifest = _decode(files.read(path, MOST_BYTES))
    except (OSError, msgspec.MsgspecError):
        return None
    return manifest if manifest.format == MANIFEST_FORMAT else None
