"""
The child that finds the files of Python code: `python -m gateway.prepare.code_files_child < what.json > files`.

Runs the code at its place, as its author does, and asks it once; writes each path at once, so that a crash loses none.
A path begins with `+`, a path that was written to with `-`; each ends with NUL.
"""

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.artifacts.source_files import split_entry
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.python_trace import Tracer, named_files
from gateway.registry.merge import merge_signature
from gateway.registry.spec import RouteSpec
from gateway.system.parent_death import die_with_parent
from gateway.validation.sample import sample_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Name the code to run, and the folder that contains its files."""

    spec: RouteSpec
    origin: str
    root: str
    cache_dir: str


def trace(asked: Traced, tracer: Tracer) -> None:
    """Load the code and ask it for one made-up instance; the child that prepares it reports its faults."""
    origin = Path(asked.origin)
    for path in named_files(origin):
        tracer.note(str(path))
    sys.addaudithook(tracer.hear)
    with contextlib.suppress(Exception, SystemExit):
        predictor = get_loader("python").load(origin, LoadOptions(entry=split_entry(asked.spec.artifact)[1]))
        tracer.note_modules()
        predictor.predict(sample_row(merge_signature(predictor.signature, asked.spec)))
    tracer.note_modules()


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
    trace(asked, tracer)
    for path in tracer.written:
        os.write(answer, f"-{path}\0".encode(errors="surrogateescape"))
    os._exit(0)


if __name__ == "__main__":
    main()
