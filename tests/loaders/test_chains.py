"""A generated search for files that act: nothing that is made of admitted names causes an audit event."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_chains_of_admitted_names_do_nothing(seed: int) -> None:
    """Thousands of chains in pickles and grafts in skops files are refused, or predict; none writes, starts or connects."""
    found = subprocess.run(
        [sys.executable, "-m", "loaders.chains", str(seed), "2000"],
        cwd=TESTS,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr[-2000:]
    refused, predicted, failed = map(int, found.stdout.split())
    assert refused + predicted + failed == 2000
    assert predicted > 0
