"""Where the models of a run lie: MLflow 3 keeps them beside the runs, MLflow 1 and 2 among the artifacts of the run."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

#: Tag in which MLflow 1 and 2 list the models that a run logged.
_HISTORY: Final = "mlflow.log-model.history"
#: Folder of an experiment, of a run, `artifacts`: the fewest names at the end of a place that say which run it is of.
_FEWEST: Final = 3
_DRIVE: Final = re.compile(r"/?[A-Za-z]:[\\/]")


class Place(NamedTuple):
    """Hold the address of an artifact: a folder that the store made, and the path of what was logged into it."""

    home: str
    inner: str = ""

    @property
    def address(self) -> str:
        """Return the whole address."""
        return f"{self.home}/{self.inner}".rstrip("/")


def place_of(address: str) -> Place:
    """Return the place of a registered version: MLflow gives runs and models folders that are called `artifacts`."""
    home, name, inner = address.rpartition("/artifacts/")
    return Place(f"{home}{name}".rstrip("/"), inner) if name else Place(address)


def models_of(client: Any, run: Any) -> Iterator[tuple[str, Place]]:
    """Yield path and place of each model that a run logged; the last of several under one path counts."""
    root = str(run.info.artifact_uri).rstrip("/")
    for path in _history(run.data.tags.get(_HISTORY, "")):
        yield path, Place(root, path)
    outputs = getattr(run, "outputs", None)
    for output in getattr(outputs, "model_outputs", None) or ():
        model = client.get_logged_model(output.model_id)
        yield str(model.name), Place(str(model.artifact_location))


def _history(text: str) -> Iterator[str]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return
    for one in found if isinstance(found, list) else ():
        path = one.get("artifact_path") if isinstance(one, dict) else None
        if isinstance(path, str) and not {"", ".", ".."} & set(path.split("/")):  # a tag may say anything
            yield path


def relocated(place: str, roots: Iterable[Path]) -> Path | None:
    """
    Return the local path of an address; None where it lies on no disk of this machine.

    A store that was copied from another machine still names the paths of that one, those of Windows too
    (`file:///C:/data/mlruns/0/RUN/artifacts/model`). Where such a path is absent, the folders at its end are looked for
    below the store itself.
    """
    path = _local(place)
    if path is None:
        return None
    if not _DRIVE.match(path) and Path(path).exists():
        return Path(path)
    parts = [part for part in re.split(r"[\\/]+", path) if part not in {"", ".", ".."}]
    for count in range(len(parts), _FEWEST - 1, -1):
        for root in roots:
            inside = root.joinpath(*parts[-count:])
            if inside.exists():
                return inside
    return Path(path)


def leaving_link(path: Path, inner: str) -> Path | None:
    """
    Return what on or below `path` is a link that leads out of the folder which the store made; None for none.

    That folder lies above `inner`, the end of the path, and may itself be reached by a link: its owner put it there.
    """
    home = path.parents[len(Path(inner).parts) - 1].resolve() if inner else path.resolve()
    below = (Path(folder, name) for folder, *names in os.walk(path) for name in [*names[0], *names[1]])
    links = (one for one in below if one.is_symlink())
    return next((one for one in (path, *links) if not one.resolve().is_relative_to(home)), None)


def _local(place: str) -> str | None:
    if place.startswith("file:"):
        return unquote(re.sub(r"^file:(//(localhost)?(?=/))?", "", place))
    return place if _DRIVE.match(place) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", place) else None
