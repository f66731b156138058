"""A generated search for files that act: nothing that is made of admitted names causes an audit event."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_chains_of_admitted_names_do_nothing(tmp_path: Path, figures: Callable[[str], None], seed: int) -> None:
    """Chains in pickles and grafts in skops files are refused, or predict; none writes, starts, connects or crashes."""
    found = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "loaders.chains", str(seed), "10000"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        timeout=3_600,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr[-2000:]
    counts = json.loads(found.stdout)
    figures(f"chains of seed {seed}: {counts}")
    assert sum(counts.values()) == 10_000
    assert counts["predicted"] > 0
    assert list(tmp_path.iterdir()) == []
