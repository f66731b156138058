"""The plain script: read a CSV with pandas, score it with the model that the gateway serves, write {id: label}."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from gateway.generations import snapshot
from gateway.loaders import get_loader
from gateway.registry.load_options import load_options
from gateway.runtimes import load_compiled


def main() -> None:
    """Read, score, write; print seconds without the start of Python, and the peak of memory."""
    path, home, target = map(Path, sys.argv[1:])
    found = snapshot.committed(home / "state")
    assert found is not None
    spec = next(spec for spec in found.registry.routes if spec.name == "insurance")
    manifest = found.manifests["insurance"]
    assert manifest.artifact is not None
    options = load_options(spec, manifest.artifact, home / "cache")
    compiled = manifest.compiled
    if compiled is not None:
        predictor: Any = load_compiled(Path(compiled.path), compiled.sha256)
    else:
        predictor = get_loader(manifest.loader).load(Path(manifest.artifact.path), options)
    fields = predictor.signature.inputs
    began = time.perf_counter()
    texts = {field.name: str for field in fields if field.type == "string"}
    table = pd.read_csv(path, dtype=texts)
    columns = [table[field.name].to_numpy(dtype=object if field.type == "string" else float) for field in fields]
    values = predictor.predict(columns).values.tolist()
    labels = [int(label) for label in predictor.signature.output.labels]
    answers = {str(key): labels[value] for key, value in zip(table["id"].tolist(), values, strict=True)}
    target.write_text(json.dumps(answers))
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}))
    sys.stdout.flush()
    os._exit(0)  # the JVM's threads would hold the exit


if __name__ == "__main__":
    main()
