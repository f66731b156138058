"""Write a file of golden rows: validated inputs, and what is expected of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.artifacts import golden_rows
from gateway.errors import GatewayError
from gateway.schema import Batch, Output, Predictions, Signature
from gateway.system import atomic, files

_MODE: Final = 0o644


def encoded(batch: Batch, signature: Signature, predictions: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the bytes of a file of golden rows; `signature` is the artifact's own."""
    columns = [[_plain(value) for value in column.tolist()] for column in batch.columns]
    instances = [dict(zip(signature.names, row, strict=True)) for row in zip(*columns, strict=True)]
    document = {"version": golden_rows.VERSION, "instances": instances, "predictions": list(predictions)}
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def write(path: Path, data: bytes, *, replace: bool) -> bool:
    """
    Write golden rows by a rename; return whether anything was written: equal bytes stay.

    Raises ArtifactError "golden-exists" for another content, unless `replace` is said, and "golden-unwritable".
    """
    if files.stat_of(path) is not None and not replace:
        if path.read_bytes() == data:
            return False
        raise GatewayError(
            f"{path} exists, and holds other golden rows",
            code="golden-exists",
            hint="replace it with --force, write another file with --out, or only compare with --dry-run",
        )
    before = files.stat_of(path)
    try:
        atomic.replace_bytes(path, data, durable=True)
        # Readable for the user that serves, whoever writes it: the command line writes private files.
        path.chmod(_MODE if before is None else before.st_mode & 0o7777)
    except OSError as error:
        raise GatewayError(
            f"{path} cannot be written: {error.strerror}",
            code="golden-unwritable",
            hint="name a file in a folder that you may write to with --out",
        ) from error
    return True


def answers_of(predictions: Predictions, output: Output, size: int) -> list[dict[str, Any]]:
    """Return a model's own answers as golden rows expect them; raises GatewayError for a row without a finite one."""
    rows = [_answer(predictions, output, row) for row in range(size)]
    for row, answer in enumerate(rows):
        if not all(math.isfinite(number) for number in _numbers(answer)):
            raise GatewayError(
                f"the model answers row {row} with a number that is not finite",
                code="golden-not-finite",
                hint="leave out this row",
            )
    return rows


def _answer(predictions: Predictions, output: Output, row: int) -> dict[str, Any]:
    if output.kind == "classification":
        found: dict[str, Any] = {"label": output.labels[int(predictions.values[row])]}
        if predictions.probabilities is not None:
            found["probabilities"] = _by_name(output.labels, predictions.probabilities[row])
        return found
    value = predictions.values[row]
    value = value.tolist() if hasattr(value, "tolist") else value
    if output.kind in {"regression", "json"} or not output.names:
        return {"value": value}
    found = {"value": dict(zip(output.names, value, strict=True))}
    if predictions.probabilities is not None:
        found["probabilities"] = _by_name(output.names, predictions.probabilities[row])
    elif predictions.each:
        tables = zip(output.names, output.parts, predictions.each, strict=True)
        found["probabilities"] = {
            name: _by_name(part.labels, table[row]) for name, part, table in tables if table is not None
        }
    return found


def _by_name(names: Sequence[Any], values: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(names, values, strict=True)}


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        yield from (number for one in value.values() for number in _numbers(one))
    elif isinstance(value, list):
        yield from (number for one in value for number in _numbers(one))


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it: null is a missing value."""
    return None if isinstance(value, float) and math.isnan(value) else value
