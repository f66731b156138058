"""Name the files that pages show beside the model of a route, and say which of them are not shown."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.artifacts import card_file
from gateway.artifacts.manifest import Manifest
from gateway.registry.spec import RouteSpec


def _plot(spec: RouteSpec) -> Path | None:
    return Path(spec.base) / spec.plot.file if spec.plot is not None else None


def _card(spec: RouteSpec) -> Path | None:
    if spec.is_elsewhere:
        return Path(spec.base) / spec.card if spec.card is not None else None
    return card_file.card_path(Path(spec.base), spec.card, spec.places)


#: Keys of attachments.
CARD: Final = "card"
GOLDEN: Final = "golden"

#: By the key of the route that names the file; None where the route has none.
FILES: Final[Mapping[str, Callable[[RouteSpec], Path | None]]] = {"plot": _plot, CARD: _card}


def files_of(spec: RouteSpec) -> dict[str, Path]:
    """Return the files that an entry attaches by their keys, whether or not they exist."""
    found = ((name, find(spec)) for name, find in FILES.items())
    return {name: path for name, path in found if path is not None}


def problems_of(spec: RouteSpec, found: Manifest) -> list[str]:
    """Return one line for each attachment that cannot be shown: key, reason and fix."""
    return [
        f"'{name}' of {spec.path} is not shown: {one.problem.message}  [{one.problem.code}]; fix: {one.problem.hint}"
        for name, one in found.attachments.items()
        if one.problem is not None
    ]
