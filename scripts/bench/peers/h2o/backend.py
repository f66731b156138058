"""Connect to the H2O server and import a MOJO there; one worker at a time, because the server locks the file's key."""

import fcntl
import os
import tempfile
from pathlib import Path

import h2o


def model(route):
    h2o.init(url=os.environ["BENCH_H2O_URL"])
    h2o.no_progress()
    with (Path(tempfile.gettempdir()) / "gateway-bench-h2o.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return h2o.import_mojo(str(Path(os.environ["BENCH_MOJOS"]) / route / "model.zip"))
