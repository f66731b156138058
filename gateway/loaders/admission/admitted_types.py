"""
The classes of other packages that a route admits by name (`allow_types`), while one skops file of it is read.

Only objects of them are admitted: no function, no method, nothing of a pickle. What they hold is walked like the rest.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.versions.moved import is_of_a_library
from gateway.system.suggest import listing

_NAMES: ContextVar[frozenset[str]] = ContextVar("admitted types", default=frozenset())
#: The kind of node that an object of a class is.
_OBJECT: Final = "ObjectNode"


@contextlib.contextmanager
def admitting(names: Collection[str]) -> Iterator[None]:
    """Admit classes by their full names, for what this thread reads meanwhile; those of Python itself never are."""
    token = _NAMES.set(frozenset(filter(_may_be_admitted, names)))
    try:
        yield
    finally:
        _NAMES.reset(token)


def is_admitted(kind: type) -> bool:
    """Say whether a class is admitted by name."""
    names = _NAMES.get()
    return bool(names) and f"{kind.__module__}.{kind.__qualname__}" in names


def is_admitted_node(node: dict[str, Any]) -> bool:
    """Say whether a node of a skops file is an object of a class that is admitted by name."""
    return node.get("__loader__") == _OBJECT and f"{node.get('__module__')}.{node.get('__class__')}" in _NAMES.get()


def is_of_another_package(name: str) -> bool:
    """Say whether a name may be that of a class of an installed package."""
    return _may_be_admitted(name) and importlib.util.find_spec(name.partition(".")[0]) is not None


def _may_be_admitted(name: str) -> bool:
    """Say whether a name is neither of Python, nor of the gateway, nor of a library whose parts it knows one by one."""
    top, *rest = name.split(".")
    is_name = bool(rest) and all(part.isidentifier() for part in (top, *rest))
    return is_name and top not in {*sys.stdlib_module_names, "gateway"} and not is_of_a_library(name)


def must_fit(path: Path, held: Collection[str]) -> None:
    """
    Raise ArtifactError "unneeded-type" for an admitted name that the file does not hold.

    Raises LoadError "missing-extra" or "wrong-version" for one whose package is not here, or does not define it.
    """
    names = _NAMES.get()
    if unneeded := sorted(names.difference(held)):
        raise ArtifactError(
            f"{path.name}: `allow_types` names {listing(unneeded, 'and')}, which the file does not hold",
            code="unneeded-type",
            hint=f"take {listing(unneeded, 'and')} out of `allow_types`",
        )
    for name in sorted(names):
        _must_be_here(path, name)


def _must_be_here(path: Path, name: str) -> None:
    module, _, member = name.rpartition(".")
    try:
        found = vars(importlib.import_module(module)).get(member)
    except ModuleNotFoundError as error:
        raise LoadError(
            f"{path.name}: the model needs the package {error.name!r}, which is not installed here",
            code="missing-extra",
            hint=f"install the package that defines {name} where the gateway runs",
        ) from error
    if not isinstance(found, type) or not is_admitted(found):
        raise LoadError(
            f"{path.name}: the installed package has no class {name}",
            code="wrong-version",
            hint="install the version of the package that the model was trained with",
        )
