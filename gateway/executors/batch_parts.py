"""A batch in parts, for servers that take so many rows at a time and not more."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gateway.errors import Fault, InputError
from gateway.executors.remote_predictions import RemotePredictions
from gateway.schema import Column


def in_parts(
    ask: Callable[[Sequence[Column]], RemotePredictions], columns: Sequence[Column], most: int
) -> RemotePredictions:
    """Return the predictions of a batch of which `ask` gets at most so many rows, one part after the other."""
    rows = len(columns[0])
    if rows <= most:
        return ask(columns)
    found = []
    for start in range(0, rows, most):
        try:
            found.append(ask([column[start : start + most] for column in columns]))
        except InputError as error:
            raise InputError([_of_batch(fault, start) for fault in error.faults], hint=error.hint) from error
    return RemotePredictions(
        _joined([one.values for one in found]),
        _joined([one.probabilities for one in found]),
        remote_s=sum(one.remote_s for one in found),
    )


def _joined(parts: Sequence[Any]) -> Any:
    if parts[0] is None:
        return None
    if isinstance(parts[0], list):
        return [value for part in parts for value in part]
    return np.concatenate(parts)


def _of_batch(fault: Fault, start: int) -> Fault:
    """Return a fault of a row of a part as one of the row of the batch."""
    if fault.row is None:
        return fault
    return replace(fault, at=f"$.instances[{fault.row + start}]", row=fault.row + start)
