"""Errors for scikit-learn artifacts with forbidden objects, or with names that the installed library no longer has."""

from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.admission.allowed_names import ForbiddenGlobal, UnknownGlobal
from gateway.loaders.admission.former_constructors import Refused
from gateway.system.suggest import listing


def forbidden_pickle(path: Path, exc: ForbiddenGlobal) -> ArtifactError:
    """Return the error of a pickle that names, or does, what no model needs."""
    what = "uses" if isinstance(exc, Refused) else "names"
    return ArtifactError(
        f"{path.name}: the pickle {what} {exc}, which is not among what a model consists of",
        code="forbidden-pickle",
        hint="`gateway describe` lists all its globals; save the model as .skops, .ubj or .onnx instead; or, if you "
        f"know who wrote it, {own_process()}",
    )


def own_process(files: Sequence[str] = ()) -> str:
    """Return what lets a route run the code that its pickle names, in a process of its own."""
    listed = f" and `files: [{', '.join(files)}]`" if files else ""
    told = "`executor: process`, `allow_code: true`" if files else "`executor: process` and `allow_code: true`"
    return f"let it run in a process of its own: add {told}{listed} to the route"


def untrusted_types(path: Path, names: object, admissible: Sequence[str] = ()) -> ArtifactError:
    """
    Return the error of a skops file that holds what no model consists of.

    `admissible` are the classes of installed packages which alone stand in the way.
    """
    options = " ".join(f"--allow-type {name}" for name in admissible)
    way = (
        f"if you know who wrote it, add `allow_types: [{', '.join(admissible)}]` to the route, as "
        f"`gateway add … {options}` writes it; or "
        if admissible
        else ""
    )
    return ArtifactError(
        f"{path.name}: the file holds types that are not among what a model consists of: {names}",
        code="untrusted-types",
        hint=f"{way}build the model from scikit-learn's own classes, or serve custom code with the python loader",
    )


def unknown_global(path: Path, exc: UnknownGlobal, writers: Sequence[str] = ()) -> LoadError:
    """
    Return the error of a file that names a member of a library that the installed version does not have.

    `writers` are the versions of scikit-learn that the file itself tells.
    """
    told = f" (it says scikit-learn {listing(writers, 'and')})" if writers else ""
    return LoadError(
        f"{path.name}: names {exc}, which the installed version of its library does not have: "
        f"another version wrote the file{told}",
        code="wrong-version",
        hint="train it again with the versions installed here, or export it as ONNX where it was written",
    )
