"""Check the files that a route names: which loader fits, whether they exist, whether they may be loaded."""

import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from gateway.artifacts.code_folders import pin_of
from gateway.artifacts.mlflow_reference import FORMS, is_reference, parse_reference
from gateway.artifacts.source_files import digest, size_of, split_entry
from gateway.errors import ArtifactError
from gateway.loaders import unknown
from gateway.loaders.mlflow_folder import model_in
from gateway.loaders.sniffing import sniff
from gateway.loaders.table import BUNDLE, PICKLE_SUFFIXES, loader_names, shown_suffixes
from gateway.registry.report import Span
from gateway.registry.values import Document, Value
from gateway.system.files import is_file, kind_of, shortened
from gateway.system.suggest import did_you_mean, listing, nearest

_URI: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|runs:|models:)")


def check_loader(document: Document, name: str, span: Span, route: str) -> None:
    """Note an unknown loader."""
    known = loader_names()
    if name not in known:
        document.fault(
            span,
            "unknown-loader",
            f"unknown loader '{name}' of route '{route}'",
            expected=listing(sorted(known)),
            fix=did_you_mean(name, known) or "name one of these, or delete the key to have it inferred",
        )


def note_list(document: Document, name: Value, route: str) -> None:
    """Note the loader of one file where the artifact is a list of files."""
    document.fault(
        name.span,
        "loader-of-one-file",
        f"route '{route}' names several files, and the loader '{name.raw}' reads one",
        expected=f"'{BUNDLE}', which finds the loader of each file",
        fix="loader: bundle",
    )


def infer_loader(document: Document, base: Path, artifact: str, span: Span) -> str:
    """Return the one loader that fits; several or none are faults. An absent file is judged by its suffix."""
    if is_reference(artifact) or _is_uri(document, artifact, span):
        return ""  # of a reference, the copy that is taken when it is resolved decides
    candidates = sniff(base / split_entry(artifact)[0], artifact)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        document.fault(
            span,
            "ambiguous-loader",
            f"more than one loader fits '{artifact}'",
            expected=f"one of {listing(candidates)}",
            fix=f"add `loader: {candidates[0]}`",
        )
    else:
        error = unknown(base / split_entry(artifact)[0], artifact)
        document.fault(
            span, "no-loader", error.message, expected=f"an artifact that ends in {shown_suffixes()}", fix=error.hint
        )
    return ""


def _is_uri(document: Document, artifact: str, span: Span) -> bool:
    if not _URI.match(artifact):
        return False
    document.fault(
        span,
        "artifact-uri",
        f"'{artifact}' is a URI",
        expected="a file or folder, or a reference into MLflow",
        fix=f"mlflow:{artifact}" if artifact.startswith(("runs:", "models:")) else "download it and name the file",
    )
    return True


def check_reference(document: Document, text: str, span: Span) -> None:
    """Note a reference into MLflow that cannot be read; whether it names anything is asked when it is resolved."""
    try:
        parse_reference(text)
    except ArtifactError as error:
        document.fault(span, "bad-reference", error.message, expected=listing(FORMS), fix=error.hint)


def note_reference_in_list(document: Document, text: str, span: Span) -> None:
    """Note a reference beside other files of one model."""
    document.fault(
        span,
        "reference-in-list",
        f"'{shortened(text)}' stands in a list of files",
        expected="a reference alone, which names a whole model, or files",
        fix="log the steps as one Pipeline, or download the files and name them",
    )


def check_artifact(document: Document, base: Path, text: str, span: Span) -> Path | None:
    """Note an artifact that is neither a file nor a folder of this machine."""
    if is_reference(text) or _is_uri(document, text, span):
        return None
    return check_file(document, base, text, span, "artifact-missing")


def check_file(document: Document, base: Path, text: str, span: Span, code: str) -> Path | None:
    """Note a file that does not exist or cannot be read; its route would answer 503."""
    what = code.removesuffix("-missing")
    path = base / split_entry(text)[0]
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        _note_absent(document, path, text, span, code)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        document.fault(
            span,
            code,
            f"{what} '{shortened(text)}' cannot be reached: {why}",
            expected="a file or folder, relative to the registry",
            fix="correct the path, or the permissions of the folders on it",
        )
    else:
        if stat.S_ISREG(found.st_mode):
            return path
        if stat.S_ISDIR(found.st_mode) and what == "artifact":
            return _check_inside(document, path, span)
        document.fault(
            span,
            "not-a-file",
            f"{what} '{text}' is {kind_of(found.st_mode)}",
            expected="a file or folder" if what == "artifact" else "a file",
            fix="name the file that is meant, or put it in this place",
        )
    return None


def _check_inside(document: Document, folder: Path, span: Span) -> Path | None:
    try:
        size_of(folder)
    except ArtifactError as error:
        document.fault(span, error.code, error.message, expected="regular files and folders", fix=error.hint)
        return None
    return folder


def _note_absent(document: Document, path: Path, text: str, span: Span, code: str) -> None:
    what = code.removesuffix("-missing")
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    guess = nearest(path.name, names)
    how = "train it" if what == "artifact" else "write it"
    document.fault(
        span,
        code,
        f"{what} '{text}' does not exist",
        expected="a file or folder, relative to the registry",
        fix=f"did you mean '{(Path(text).parent / guess).as_posix()}'?" if guess else f"{how}, or correct the path",
    )


def check_pin(document: Document, path: Path, listed: Iterable[Path], pin: Value) -> None:
    """Note an artifact whose sha256, over all files that a Python route lists, differs from the pinned one."""
    try:
        found = pin_of(path, digest(path)[0], {one: digest(one)[0] for one in listed})
    except ArtifactError as error:
        document.fault(pin.span, error.code, error.message, fix=error.hint)
        return
    if found != pin.raw.lower():
        document.fault(
            pin.span,
            "wrong-sha256",
            f"'{path.name}' does not have the pinned sha256",
            expected=pin.raw.lower(),
            fix=f"restore the pinned file, or check the new one and set sha256: {found}",
        )


def is_pickle(artifact: str) -> bool:
    """Return whether the file name is that of a pickle."""
    return artifact.lower().endswith(PICKLE_SUFFIXES)


def holds_pickle(artifact: str, path: Path) -> bool:
    """Return whether an artifact is a pickle by its name, or an MLflow folder whose model is one."""
    model = model_in(path) if path.is_dir() else None
    return is_pickle(artifact if model is None else model.name)


def check_pickle(
    document: Document, artifact: str, path: Path, *, paths: Sequence[Path], allowed: bool, span: Span
) -> None:
    """Note a pickle without `allow_pickle`; its route would answer 503. `paths` are all files of the artifact."""
    if allowed or not holds_pickle(artifact, path) or not (is_file(path) or path.is_dir()):
        return
    try:
        pins = [digest(one)[0] for one in paths]
    except ArtifactError as error:
        document.fault(span, error.code, error.message, fix=error.hint)
        return
    pin = pins[0] if len(pins) == 1 else f"[{', '.join(pins)}]"
    document.fault(
        span,
        "pickle-not-allowed",
        f"'{artifact}' is a pickle, which can run any code when it is loaded",
        expected="a safe format (.skops), or an opt-in with a pin",
        fix=f"add `allow_pickle: true` and `sha256: {pin}`",
    )
