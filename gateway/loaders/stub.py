"""
Serves a JSON file that says what to answer and how to misbehave: for tests of everything above the loaders.

    {"inputs": ["a", {"name": "b", "type": "string", "enum": ["x"]}],   names or keywords of schema.Field
     "output": {"kind": "regression"},                                  keywords of schema.Output
     "answer": 1.5,          value, label or JSON; absent: the sum of the numbers, the first label, or the inputs
     "sleep_s": 0,           before each predict, without the interpreter's lock
     "busy_s": 0,            before each predict, holding the interpreter's lock
     "raise": "text",        each predict raises it
     "exit": 11,             each predict ends the process at once, with this code (negative: by this signal)
     "load_sleep_s": 0, "load_raise": "text", "load_exit": 11, "load_allocate_bytes": -1}   (-1: without end)
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import numpy as np

from gateway.errors import ArtifactError, LoadError
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, Field, Output, Predictions, Signature

_BLOCK_BYTES = 16 * 1024 * 1024


class _Script(msgspec.Struct, forbid_unknown_fields=True, rename={"raise_": "raise", "exit_": "exit"}):
    """Hold the file as it is written."""

    inputs: list[str | Field] = []
    output: Output = Output()
    answer: Any = None
    sleep_s: float = 0
    busy_s: float = 0
    raise_: str | None = None
    exit_: int | None = None
    load_sleep_s: float = 0
    load_raise: str | None = None
    load_exit: int | None = None
    load_allocate_bytes: int = 0


#: Made here and not at the first use: msgspec crashes where two threads look at a type for the first time at once.
_decode: Final = msgspec.json.Decoder(_Script).decode


class StubPredictor:
    """Answer and misbehave as written."""

    def __init__(self, script: _Script) -> None:
        self._script = script
        self.signature = _signature(script)

    @property
    def is_scripted(self) -> bool:
        """Say whether the answer is written in the script."""
        return self._script.answer is not None

    def predict(self, columns: Sequence[Column]) -> Predictions:
        """Answer every instance alike, or by its own inputs where no answer is written."""
        script = self._script
        _wait(script.sleep_s, script.busy_s)
        if script.exit_ is not None:
            _end(script.exit_)
        if script.raise_ is not None:
            raise RuntimeError(script.raise_)
        return self._answer(columns, len(columns[0]) if columns else 1)

    def _answer(self, columns: Sequence[Column], size: int) -> Predictions:
        output, answer = self.signature.output, self._script.answer
        if output.kind == "classification":
            position = output.labels.index(answer) if answer is not None else 0
            probabilities = np.zeros((size, len(output.labels)))
            probabilities[:, position] = 1.0
            return Predictions(np.full(size, position), probabilities if output.probabilities else None)
        if output.kind == "regression":
            numbers = [column.astype(np.float64) for column in columns if column.dtype != object]
            total = np.sum(numbers, axis=0) if numbers else np.zeros(size)
            return Predictions(total if answer is None else np.full(size, float(answer)))
        if output.kind == "json":
            if answer is not None:
                return Predictions([answer] * size)
            return Predictions(_echo(self.signature.names, columns))
        return Predictions(np.tile(np.asarray(answer if answer is not None else [0] * len(output.names)), (size, 1)))


class StubLoader:
    """Read the script; the `load_…` keys take effect on load, never on describe."""

    name: ClassVar[str] = "stub"

    def load(self, path: Path, options: LoadOptions) -> StubPredictor:
        """Misbehave as written, then load."""
        script = _read(path)
        _wait(script.load_sleep_s, 0)
        _allocate(script.load_allocate_bytes)
        if script.load_exit is not None:
            _end(script.load_exit)
        if script.load_raise is not None:
            raise LoadError(f"{path.name}: {script.load_raise}", code="stub", hint="take load_raise out of the stub")
        return StubPredictor(script)

    def describe(self, path: Path, options: LoadOptions) -> Signature:
        """Read the script and do nothing else."""
        return _signature(_read(path))


def _read(path: Path) -> _Script:
    try:
        return _decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ArtifactError(
            f"{path.name}: not a stub: {exc}", code="broken-artifact", hint="see the head of gateway/loaders/stub.py"
        ) from exc


def _signature(script: _Script) -> Signature:
    fields = tuple(Field(name=entry) if isinstance(entry, str) else entry for entry in script.inputs)
    return Signature(inputs=fields, output=script.output)


def _wait(sleep_s: float, busy_s: float) -> None:
    if sleep_s:
        time.sleep(sleep_s)
    end = time.perf_counter() + busy_s
    while busy_s and time.perf_counter() < end:
        pass


def _allocate(size_bytes: int) -> None:
    """Fill memory with touched pages; -1 goes on until the process is stopped from outside."""
    blocks: list[bytearray] = []
    while size_bytes < 0 or len(blocks) * _BLOCK_BYTES < size_bytes:
        blocks.append(bytearray(os.urandom(1)) * _BLOCK_BYTES)


def _end(code: int) -> None:
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def _echo(names: Sequence[str], columns: Sequence[Column]) -> list[dict[str, Any]]:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [{name: None if value != value else value for name, value in zip(names, row, strict=True)} for row in rows]  # noqa: PLR0124
