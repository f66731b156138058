"""
Repairs what scikit-learn of other versions wrote, right after it was read and before anything of it is called.

A repair is one row of a table: the classes, the version from which on nothing needs it, what it does to the
attributes, and why the answers stay those of the version that wrote them. Rows are proven by artifacts and answers of
those versions (proven.json); a class that was not compared stays unproven, repaired or not.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator

from gateway.errors import LoadError
from gateway.loaders.versions.later_parameters import fill_later_parameters
from gateway.loaders.versions.provenance import OF_SKLEARN, Told, versions_of_part

#: Attributes of one object, changed in place.
Attributes = dict[str, Any]
#: Where a repaired part notes the version that wrote it, for what is decided later (missing values).
WRITTEN_BY: Final = "_written_by"


@dataclass(frozen=True, slots=True)
class Repair:
    """
    Make the attributes of an old instance those of the installed version.

    `classes` are names of classes or of their bases. Written `before` which minor version; the change itself leaves
    alone what is in today's form already. Raises KeyError where a part is not fitted: then nothing is changed.
    """

    classes: tuple[str, ...]
    before: str
    change: Callable[[Any, Attributes], None]
    exact: str


class Unrepairable(Exception):
    """Say why a part of another version cannot be brought to the form of the installed one."""


def repair(root: Any, told: Told, rows: tuple[Repair, ...]) -> None:
    """Apply every row that fits to all parts, the inner ones first; raises LoadError (`wrong-version`)."""
    if not told:
        return
    for part, versions in reversed(list(old_parts(root, told))):
        names = {kind.__name__ for kind in type(part).__mro__}
        try:
            for row in rows:
                if not names.isdisjoint(row.classes) and _needs(row.before, versions):
                    with contextlib.suppress(KeyError):
                        row.change(part, vars(part))
        except Unrepairable as fault:
            raise LoadError(
                f"{type(part).__name__} written by scikit-learn {', '.join(sorted(versions))}: {fault}",
                code="wrong-version",
                hint="train it again with the installed version, or export it as ONNX where it was written",
            ) from None
        fill_later_parameters(part)
        if isinstance(part, BaseEstimator):
            vars(part)[WRITTEN_BY] = max(versions, key=minor_of)


def old_parts(root: Any, told: Told) -> Iterator[tuple[Any, frozenset[str]]]:
    """Yield every object that another scikit-learn wrote; what is no estimator is as old as its owner."""
    for found, versions in _walk(root, told):
        if versions and type(found).__module__.partition(".")[0] in OF_SKLEARN and isinstance(vars_of(found), dict):
            yield found, versions


def objects_in(root: Any) -> Iterator[Any]:
    """Yield every object that was read, containers included."""
    return (found for found, _ in _walk(root, {}))


def _walk(root: Any, told: Told) -> Iterator[tuple[Any, frozenset[str]]]:
    seen: dict[int, Any] = {}
    stack: list[tuple[Any, frozenset[str]]] = [(root, frozenset())]
    while stack:
        found, versions = stack.pop()
        if id(found) in seen or isinstance(found, str | bytes | int | float | type | None):
            continue
        seen[id(found)] = found  # and keeps it: the id of a list that was made on the way would be used again
        versions = versions_of_part(found, told, versions)
        yield found, versions
        stack.extend((member, versions) for member in _members(found, vars_of(found)))


def vars_of(found: Any) -> Any:
    """Return the attributes of an object, None where it has none."""
    return getattr(found, "__dict__", None)


def _members(found: Any, attributes: Any) -> list[Any]:
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, list | tuple | set | frozenset):
        return list(found)
    if isinstance(found, np.ndarray):
        return found.ravel().tolist() if found.dtype == object else []
    return list(attributes.values()) if isinstance(attributes, dict) else []


def minor_of(version: str) -> tuple[int, ...]:
    """Return (0, 22) of `0.22.2.post1`; (0,) of what says no version."""
    return tuple(int(one) for one in version.split(".")[:2] if one.isdigit()) or (0,)


def _needs(before: str, versions: frozenset[str]) -> bool:
    """Say whether a row is for these versions; raises Unrepairable where for some of them only."""
    answers = {minor_of(version) < minor_of(before) for version in versions}
    if len(answers) > 1:
        raise Unrepairable("parts of several versions in one file cannot be told apart")
    return answers.pop()
