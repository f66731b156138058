"""
The child that finds the files of Python code: `python -m gateway.prepare.code_files_child < what.json > files`.

Runs the code at its place, as its author does, and asks it once; writes each path at once, so that a crash loses none.
A path begins with `+`, a path that was written to with `-`, the folder that relative names start from with `=`, and `!`
says that the code writes by such names; each ends with NUL.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.artifacts.source_files import split_entry
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_trace import Tracer, named_files, relative_texts
from gateway.prepare.trial_row import trial_row
from gateway.registry.merge import merge_signature
from gateway.registry.spec import RouteSpec
from gateway.schema import Column, Predictor
from gateway.system.parent_death import die_with_parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Name the code to run, and the folder that contains its files."""

    spec: RouteSpec
    origin: str
    root: str
    cache_dir: str
    golden: str = ""


def trace(asked: Traced, tracer: Tracer) -> Path | None:
    """
    Load the code and ask it for one instance; the child that prepares it reports its faults.

    Returns the folder that relative names start from: that of the code, or the registry's where only that holds them;
    None where the code uses none, or means the folder of the gateway.
    """
    origin = Path(asked.origin)
    for path in named_files(origin):
        tracer.note(str(path))
    sys.addaudithook(tracer.hear)
    started_in = Path.cwd()
    folders = list(dict.fromkeys((origin.parent, Path(asked.root), started_in)))
    _run(asked, tracer, folders[0])
    chosen = max(folders, key=lambda folder: len(_present(tracer.relative, folder)))
    if chosen != folders[0]:
        _run(asked, tracer, chosen)
    uses_names = bool(_present(tracer.relative, chosen) or relative_texts(origin) - tracer.written)
    return chosen if uses_names and chosen in {origin.parent, Path(asked.root)} else None


def _present(names: Iterable[str], folder: Path) -> list[str]:
    return [name for name in names if (folder / name).exists()]


def _run(asked: Traced, tracer: Tracer, folder: Path) -> None:
    origin = Path(asked.origin)
    options = LoadOptions(entry=split_entry(asked.spec.sources[0])[1], root=Path(asked.root), working_folder=folder)
    with contextlib.suppress(Exception, SystemExit):
        os.chdir(folder)
        predictor = get_loader("python").load(origin, options)
        tracer.note_modules()
        row = _row(asked, predictor)
        if row is not None:
            predictor.predict(row)
    tracer.note_modules()


def _row(asked: Traced, predictor: Predictor) -> Sequence[Column] | None:
    """Return the instance that the function may be asked for, as `trial:` of the route says."""
    return trial_row(asked.spec, predictor.signature, merge_signature(predictor.signature, asked.spec), asked.golden)


def main() -> None:
    """Read the code to run from stdin, write paths to stdout; output of the code is discarded."""
    die_with_parent(signal.SIGKILL, int(sys.argv[1]))
    asked = msgspec.json.Decoder(Traced).decode(sys.stdin.buffer.readline())
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    get_loader("python")

    def tell(path: str) -> None:
        os.write(answer, f"+{path}\0".encode(errors="surrogateescape"))

    tracer = Tracer(Path(asked.root), tell, (Path(asked.cache_dir),))
    working = trace(asked, tracer)
    if working is not None:
        os.write(answer, f"={working}\0".encode(errors="surrogateescape"))
    if tracer.relative_written or (relative_texts(Path(asked.origin)) & tracer.written):
        os.write(answer, b"!\0")
    for path in tracer.written:
        os.write(answer, f"-{path}\0".encode(errors="surrogateescape"))
    os._exit(0)


if __name__ == "__main__":
    main()
