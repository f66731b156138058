"""Damages model files in ways that copying, cutting and editing do, and asks what a loader makes of each, apart."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from gateway.errors import GatewayError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.prepare.answer_shape import check_shape
from gateway.schema import Column, Signature

#: Seconds after which a process that reads one damaged file counts as hanging.
HANGS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a file: `refused` with its code, `served` with its answers, or `broke` with what happened."""

    kind: str
    told: str
    answers: Any = None


def cut(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield the file cut short at random places, and behind its first and before its last bytes."""
    places = np.random.default_rng(seed).integers(1, len(data), size=count).tolist()
    for place in [1, 16, len(data) - 1, len(data) - 9, *places]:
        yield f"cut at {place} of {len(data)}", data[:place]


def flip(data: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield the file with one bit turned over, or a run of 64 bytes zeroed."""
    draw = np.random.default_rng(seed)
    for place in draw.integers(0, len(data), size=count).tolist():
        bit = int(draw.integers(8))
        yield f"bit {bit} of byte {place}", data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]
        yield f"zeros at {place}", data[:place] + bytes(len(data[place : place + 64])) + data[place + 64 :]


def made_up(signature: Signature) -> list[Column]:
    """Return forty rows that any model of these inputs can be asked."""
    draw = np.random.default_rng(len(signature.inputs))
    return [
        np.array([one.enum[i % len(one.enum)] for i in range(40)], dtype=object)
        if one.enum
        else np.array(["good film", "bad plot"] * 20, dtype=object)
        if one.type == "string"
        else draw.normal(size=40)
        for one in signature.inputs
    ]


def _ask(loader: str, path: Path) -> Outcome:
    """Do what preparing does, and predict; runs in a process of its own."""
    try:
        predictor = get_loader(loader).load(path, LoadOptions(allow_pickle=True))
        check_shape(predictor, predictor.signature)
    except GatewayError as error:
        return Outcome("refused", f"{error.code}: {error.message}")
    found = predictor.predict(made_up(predictor.signature))
    # Preparing fails where anything else is raised, with the exception's name: that is a refusal too.
    probabilities = None if found.probabilities is None else np.asarray(found.probabilities).tolist()
    return Outcome("served", repr(predictor.signature), (np.asarray(found.values).tolist(), probabilities))


def _serve(pipe: Connection, loader: str) -> None:
    while (path := pipe.recv()) is not None:
        try:
            pipe.send(_ask(loader, path))
        except Exception as error:
            pipe.send(Outcome("broke", f"{type(error).__name__}: {error}"))


class Asker:
    """Hold a process that loads one file after the other, and start another one where that died or hangs."""

    def __init__(self, loader: str) -> None:
        self._loader = loader
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._loader), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, path: Path) -> Outcome:
        """Return the outcome of one file."""
        self._pipe.send(path)
        try:
            if self._pipe.poll(HANGS):
                return self._pipe.recv()  # type: ignore[no-any-return]
        except EOFError:
            pass
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._start()
        return Outcome("broke", f"the process ended with {code}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def outcomes(
    loader: str, whole: Path, damaged: Sequence[tuple[str, bytes]], name: Callable[[int], str] = "m{}".format
) -> Iterator[tuple[str, Outcome, Outcome]]:
    """Yield for each damaged copy: how it was damaged, what became of it, and what the whole file answers."""
    asker = Asker(loader)
    try:
        right = asker.ask(whole)
        assert right.kind == "served", right
        for number, (how, data) in enumerate(damaged):
            path = whole.with_name(f"{name(number)}{whole.suffix}")
            path.write_bytes(data)
            yield how, asker.ask(path), right
            path.unlink()
    finally:
        asker.close()
