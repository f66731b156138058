"""
Reads pickle and joblib files through an exact allow-list, and lists their globals without executing anything.

Builds on joblib's own unpickler (>= 1.6 hands the nested pickles of object arrays to the same `find_class`). Refuses to
know what the object inside is good for.
"""

import contextlib
import importlib
from pathlib import Path
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.allowed import current_name, is_allowed

_NEEDED_TO_SKIP = {("joblib.numpy_pickle", "NumpyArrayWrapper"), ("numpy", "ndarray"), ("numpy", "dtype")}


class ForbiddenGlobal(Exception):
    """Name the first global of a pickle that is not admitted."""


class _Unpickler(NumpyUnpickler):  # type: ignore[misc]
    """Admit exact pairs only; everything else ends the load before it is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if not is_allowed(module, name):
            raise ForbiddenGlobal(f"{module}.{name}")
        if (module, name) == ("_codecs", "encode"):
            return _encode_latin1
        module, name = current_name(module, name)
        return getattr(importlib.import_module(module), name)


def _encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """Stand in for `_codecs.encode`, which protocol 2 uses for bytes; any other codec is refused."""
    if encoding not in {"latin1", "latin-1"}:
        raise ForbiddenGlobal(f"_codecs.encode with {encoding!r}")
    return text.encode("latin-1")


def unpickle(path: Path) -> Any:
    """
    Return the object of a pickle or joblib file, compressed or not.

    Raises ArtifactError (`forbidden-pickle`, `broken-artifact`) or LoadError (`missing-extra`, `wrong-version`).
    """
    try:
        with path.open("rb") as file, _validate_fileobject_and_memmap(file, str(path), None) as (stream, _):
            if isinstance(stream, str):
                raise ArtifactError(
                    f"{path.name}: written by joblib < 0.10, which spreads one model over several files",
                    code="broken-artifact",
                    hint="load it where it was written and save it again with joblib.dump or skops.io.dump",
                )
            return _Unpickler(str(path), stream, True).load()
    except ArtifactError:
        raise
    except ForbiddenGlobal as exc:
        raise ArtifactError(
            f"{path.name}: the pickle names {exc}, which is not on the gateway's list of harmless globals",
            code="forbidden-pickle",
            hint="`gateway describe` lists all its globals; save the model as .skops, .ubj or .onnx instead",
        ) from None
    except ModuleNotFoundError as exc:
        raise LoadError(
            f"{path.name}: the model needs the package {exc.name!r}, which is not installed here",
            code="missing-extra",
            hint=f"pip install 'multi-model-gateway[{(exc.name or '').partition('.')[0]}]'",
        ) from exc
    except AttributeError as exc:
        raise LoadError(
            f"{path.name}: written by another version of its library: {exc}",
            code="wrong-version",
            hint="install the versions that wrote it, or save it again with the installed ones",
        ) from exc


def pickle_imports(path: Path) -> tuple[str, ...]:
    """
    List `module.name` of every global that a pickle or joblib file names, without importing or calling one.

    A damaged file yields what stands before the damage.
    """
    with path.open("rb") as file, _validate_fileobject_and_memmap(file, str(path), None) as (stream, _):
        if isinstance(stream, str):
            return ()
        lister = _Lister(str(path), stream, False)
        with contextlib.suppress(Exception):
            lister.load()
    return tuple(sorted(f"{module}.{name}" for module, name in lister.found))


class _Inert:
    """Stand in for every object of a file: it takes whatever a pickle does to objects and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def __hash__(self) -> int:
        return id(self)

    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass

    add = append


class _Lister(NumpyUnpickler):  # type: ignore[misc]
    """Note every global; build only what is needed to step over the bytes of joblib's arrays."""

    def __init__(self, *args: Any) -> None:
        self.found: set[tuple[str, str]] = set()
        super().__init__(*args)

    def find_class(self, module: str, name: str) -> Any:
        self.found.add((module, name))
        if current_name(module, name) in _NEEDED_TO_SKIP:
            return getattr(importlib.import_module(current_name(module, name)[0]), name)
        return _Inert
