"""The Java machine in a process beside Python: neither takes the stack of the other for its own."""

import subprocess
import sys
from pathlib import Path

_DEEP = """
import os, sys
from pathlib import Path
import msgspec
from gateway.loaders import h2o_runtime
h2o_runtime.start(Path(sys.argv[1]))
h2o_runtime.java_class("java.lang.System").nanoTime()
try:
    msgspec.json.decode(b"[" * 100_000)
except RecursionError:
    print("refused", flush=True)
os._exit(0)
"""


def test_deep_json_ends_no_process_that_runs_java(tmp_path: Path) -> None:
    """In a thread that Java knows, nesting is refused as in any other."""
    done = subprocess.run(
        [sys.executable, "-c", _DEEP, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
