"""Where the models of a run lie: MLflow 3 keeps them beside the runs, MLflow 1 and 2 among the artifacts of the run."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

#: Tag in which MLflow 1 and 2 list the models that a run logged.
_HISTORY: Final = "mlflow.log-model.history"
#: Folder of an experiment, of a run, `artifacts`: the fewest names at the end of a place that say which run it is of.
_FEWEST: Final = 3
_DRIVE: Final = re.compile(r"/?[A-Za-z]:[\\/]")


def models_of(client: Any, run: Any) -> Iterator[tuple[str, str]]:
    """Yield path and address of each model that a run logged; the last of several under one path counts."""
    root = str(run.info.artifact_uri).rstrip("/")
    for path in _history(run.data.tags.get(_HISTORY, "")):
        yield path, f"{root}/{path}"
    outputs = getattr(run, "outputs", None)
    for output in getattr(outputs, "model_outputs", None) or ():
        model = client.get_logged_model(output.model_id)
        yield str(model.name), str(model.artifact_location)


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


def _local(place: str) -> str | None:
    if place.startswith("file:"):
        return unquote(re.sub(r"^file:(//(localhost)?(?=/))?", "", place))
    return place if _DRIVE.match(place) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", place) else None
