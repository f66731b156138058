"""Lines of `gateway describe` and `gateway add` about an MLflow folder: flavour, version, signature, input example."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from gateway.loaders.mlflow_folder import MlflowFolder, is_mlflow, read_folder

_SHOWN: Final = 20


def notes_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the lines about those paths that are MLflow folders."""
    found = [(read_folder(path), path) for path in paths if is_mlflow(path)]
    return tuple(line for one, path in found if isinstance(one, MlflowFolder) for line in _notes(one, path))


def _notes(found: MlflowFolder, path: Path) -> Iterator[str]:
    version = f"version {found.version}, " if found.version else ""
    yield f"mlflow    {version}flavour {found.flavour}, {found.model.relative_to(path)}"
    if found.inputs:
        yield f"signature {_columns(found.inputs)} -> {_columns(found.outputs) or 'unknown'}"
    if found.params:
        yield f"params    {_columns(found.params)}"
    if found.example:
        yield f"example   {_example(found.example)}"


def _columns(columns: tuple[Mapping[str, Any], ...]) -> str:
    return ", ".join([*map(_column, columns[:_SHOWN]), *(["…"] if len(columns) > _SHOWN else [])])


def _column(one: Mapping[str, Any]) -> str:
    spec = one.get("tensor-spec")
    kind = f"tensor {spec.get('dtype')} {spec.get('shape')}" if isinstance(spec, dict) else str(one.get("type"))
    optional = " (optional)" if one.get("required") is False else ""
    return f"{one['name']}: {kind[:80]}{optional}" if isinstance(one.get("name"), str) else kind[:80]


def _example(example: Mapping[str, Any] | tuple[Any, ...]) -> str:
    shown: Any = dict(islice(example.items(), _SHOWN)) if isinstance(example, Mapping) else list(example[:_SHOWN])
    return json.dumps(shown, ensure_ascii=False)[:1000]
