"""The least WSGI callable around the gateway's own compiled models, for the gateway's own gunicorn worker."""

import mmap
import os
from pathlib import Path

import msgspec
import numpy as np

from gateway.generations import snapshot
from gateway.runtimes import load_compiled
from gateway.loaders import get_loader
from gateway.registry.load_options import load_options

HOME = Path(os.environ["BENCH_HOME"])
PAGE = HOME / "bare-connections"
with open(os.open(PAGE, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as opened:
    opened.truncate(4096)  # never shorter than it was: a sibling may have it mapped
    COUNTS = memoryview(mmap.mmap(opened.fileno(), 4096)).cast("q")


def _predictor(spec, manifest):
    if manifest.compiled is not None:
        return load_compiled(Path(manifest.compiled.path), manifest.compiled.sha256)
    options = load_options(spec, manifest.artifact, HOME / "cache")
    return get_loader(manifest.loader).load(Path(manifest.artifact.path), options)


def _answer(predictor, signature):
    names = [field.name for field in signature.inputs]
    kinds = [np.dtype(object if field.type == "string" else float) for field in signature.inputs]
    pairs = list(zip(names, kinds))
    if signature.output.probabilities:
        # P(approved) for the loan, P of the second label for the others.
        index = 0 if "approved" in signature.output.labels else 1

        def answer(row):
            found = predictor.predict([np.array([row[name]], dtype=kind) for name, kind in pairs])
            return found.probabilities[0, index].item()
    else:

        def answer(row):
            return float(predictor.predict([np.array([row[name]], dtype=kind) for name, kind in pairs]).values[0])

    return answer


class Bare:
    """Read, decode, predict, encode; nothing else."""

    def __init__(self):
        found = snapshot.committed(HOME / "state")
        wanted = set(os.environ["BENCH_ROUTES"].split(","))
        self.answers = {}
        for spec in found.registry.routes:
            if spec.name in wanted:
                manifest = found.manifests[spec.name]
                self.answers[spec.path] = _answer(_predictor(spec, manifest), manifest.signature)
        self.decode = msgspec.json.Decoder().decode
        self.encode = msgspec.json.Encoder().encode

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "GET":  # is it up?
            start_response("200 OK", [("Content-Length", "0")])
            return []
        row = self.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        body = self.encode({"prediction": self.answers[environ["PATH_INFO"]](row)})
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    # What the gateway's worker asks of a callable.
    def start(self): ...
    def serving(self): ...
    def drain(self): ...
    def close(self): ...
    def tick(self, *, measure): ...
    def is_settled(self):
        return True
    def is_predicting(self):
        return False

    # As the gateway does with its board: each worker's number of connections, in a shared page.
    def holds(self, connections):
        COUNTS[os.getpid() % 2] = connections

    def has_idler_sibling(self, connections):
        return COUNTS[(os.getpid() + 1) % 2] < connections


app = Bare()
