"""
The shape of this floor: a Loader turns verified bytes into a Predictor (schema.py).

Loaders receive plain arguments, never a route's spec. They are imported only when a route names them, so they import
their framework on their first line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from gateway.loaders.one_hot import OneHot
from gateway.schema import Predictor, Scalar, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """
    Carry what a loader may need besides the bytes.

    `allow_pickle` is true only where the registry opted in and the pin matched; `is_reference` says that the pin is the
    digest of a copy from a store, so that no one writes it. `entry` is the part after the colon
    of file.py:name. `origin` is the folder the artifact came from. `files` are the files that code may read, path ->
    sha256 ("" for one that was absent): other bytes under these paths are refused. `root` is the folder that contains
    code with its files, `working_folder` the one that its relative names start from. `cache_dir` may hold things that
    are derived once (the scoring jar). `levels` are those that the registry names for inputs, in the order of their
    codes: for categories of which the artifact does not tell them. `steps` are the members of a file that a row passes,
    in their order. `one_hot` are fields that a request sends in place of columns of dummies; no loader reads it.
    `outputs` are those of an artifact with several that a route asks for by the artifact's own names; the others need
    not fit, and () stands for all. `allow_types` are classes of other packages that a skops file may hold, by name.
    """

    allow_pickle: bool = False
    is_reference: bool = False
    entry: str | None = None
    origin: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    working_folder: Path | None = None
    steps: tuple[str, ...] = ()
    one_hot: Mapping[str, OneHot] = field(default_factory=dict)
    cache_dir: Path = Path(".gateway/cache")
    levels: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    allow_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """
    Say which other versions of which libraries wrote an artifact (`scikit-learn 1.3.2`).

    `unproven` are those of them, and `classes` the parts of the artifact, that were never compared with their own
    version's answers. A predictor may have one as `skew`; what follows from it is decided while preparing.
    """

    written: tuple[str, ...]
    unproven: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


class Loader(Protocol):
    """
    Turn an artifact into a predictor.

    `load` raises ArtifactError for bytes that are broken or unsafe and LoadError for an environment that does not fit.
    """

    name: ClassVar[str]

    def load(self, path: Path, options: LoadOptions) -> Predictor:
        """Load the artifact at `path`; the predictor's signature is what the artifact itself says."""
        ...

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Say inputs and outputs as cheaply as the format allows, without a JVM where one is not needed."""
        ...
