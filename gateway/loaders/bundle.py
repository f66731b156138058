"""
Serves a model in several files: each is read by the loader that fits it, then they are composed.

Steps are scikit-learn's; the model may be of any loader whose inputs are columns of numbers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from gateway.artifacts.bundle_folders import parts_in
from gateway.errors import LoadError
from gateway.loaders import get_loader, pickled, unknown
from gateway.loaders.base import LoadOptions
from gateway.loaders.bundles.composition import compose
from gateway.loaders.bundles.members import Member, member_of, members_in, texts_of
from gateway.loaders.sklearn import open_file, predictor_of
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import row_of
from gateway.loaders.versions.provenance import Part as Written
from gateway.loaders.versions.provenance import skew_of
from gateway.schema import Predictor, Signature

_SKLEARN: Final = "sklearn"


@dataclass(frozen=True, slots=True)
class _Part:
    """Hold what one file is: its members, and which versions wrote it."""

    members: list[Member]
    written: frozenset[Written] = frozenset()
    written_by: str | None = None


class BundleLoader:
    """Read the files of a list in their order, and compose what they hold."""

    name: ClassVar[str] = "bundle"

    def load(self, path: Path, options: LoadOptions) -> Predictor:
        """Load every file and check that each gives what the next one takes."""
        if not path.is_dir():
            raise LoadError(
                f"{path.name}: one file is no bundle",
                code="unsupported-model",
                hint="delete `loader: bundle`, or name several files: artifact: [scaler.pkl, model.pkl]",
            )
        files = parts_in(path)
        whole = Path(" + ".join(file.name for file in files))
        parts = [_read(file, options) for file in files]
        members = [member for part in parts for member in part.members]
        if not any(one.kind == "model" for one in members):
            raise LoadError(
                f"{whole}: none of these files holds a model",
                code="not-a-predictor",
                hint="name the file of the fitted model as well, behind its steps",
            )
        composition = compose(whole, members, is_ordered=True)
        written = frozenset().union(*(part.written for part in parts))
        written_by = max((part.written_by for part in parts if part.written_by is not None), default=None)
        found = predictor_of(whole, composition, written_by)
        found.skew = skew_of(written)
        predictor: Predictor = found
        return predictor

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Load it: the members tell the signature."""
        return self.load(path, options).signature


def _read(file: Path, options: LoadOptions) -> _Part:
    found = sniff(file, file.name)
    if len(found) != 1:
        raise unknown(file, file.name)
    loader = found[0]
    if not row_of(loader).is_offline:
        raise LoadError(
            f"{file.name}: the loader '{loader}' reads no part of a model in several files",
            code="unsupported-model",
            hint="give it a route of its own",
        )
    if loader != _SKLEARN:
        predictor: Any = get_loader(loader).load(file, options)
        return _Part([Member(file.name, file.name, predictor, "model")])
    opened = open_file(file, options)
    return _Part(
        [pickled.as_member(file, one, options) for one in _members(file, opened.held)], opened.parts, opened.written_by
    )


def _members(file: Path, held: Any) -> list[Member]:
    """Return what a file holds: one member, or those of a dict or tuple in it."""
    one = member_of(file.name, file.stem, held, is_file=True)
    one = Member(one.name, one.key if one.kind in {"labels", "classes"} else file.name, one.value, one.kind)
    if one.kind != "unknown" or not isinstance(held, dict | list | tuple) or texts_of(held):
        return [one]
    return [Member(f"{inner.name} of {file.name}", inner.key, inner.value, inner.kind) for inner in members_in(held)]
