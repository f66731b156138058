"""Rules of the sandbox: which models a prepare child confines, and the error of a model that acts."""

from collections.abc import Callable
from pathlib import Path

from gateway.errors import ArtifactError
from gateway.loaders.table import row_of
from gateway.prepare import sandbox


def lock(loader: str, path: Path, compiled: Path, end: Callable[[ArtifactError], object]) -> None:
    """Confine this process if the loader interprets what it reads; `end` must end it: an exception could be caught."""
    if not row_of(loader).is_confined:
        return
    compiled.mkdir(parents=True, exist_ok=True)

    def acted(act: str) -> None:
        sandbox.release()
        end(_acting(path, act))

    sandbox.confine([compiled], acted)


def _acting(path: Path, act: str) -> ArtifactError:
    return ArtifactError(
        f"{path.name}: while it was read or asked, the model tried to {act}, which no model does; it was ended",
        code="acting-artifact",
        hint="do not use this file; serve code of your own with the python loader",
    )
