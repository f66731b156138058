"""
Environments of models for tests that need real ones: built by the gateway itself, once, in the cache of the run.

A registry that asks for the same requirements on the same Python finds them there.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.environments.interpreters import find_python
from gateway.environments.wanted import Wanted, environment_for
from gateway.errors import LoadError

#: Name -> Python and requirements.
WANTED = {
    "0.24": ("3.8", ("scikit-learn==0.24.2", "numpy==1.19.5", "pandas==1.3.5")),
    "1.2": (
        "3.9",
        (
            "scikit-learn==1.2.2",
            "numpy==1.26.4",
            "pandas==2.2.3",
            "lightgbm==4.6.0",
            "catboost==1.2.10",
            "statsmodels==0.14.6",
            "mlflow-skinny==3.1.4",
        ),
    ),
    # The last release whose wheel on PyPI holds all that it needs.
    "torch": ("3.9", ("torch==1.12.1", "numpy==1.26.4")),
    "mlserver": ("3.11", ("mlserver==1.7.1", "mlserver-sklearn==1.7.1")),
}


@dataclass(frozen=True)
class Built:
    """Hold the Python of an environment, and what a registry asks for to get this environment."""

    python: Path
    version: str
    requirements: str

    def executor(self, folder: Path) -> str:
        """Return the value of `executor` of a registry in this folder; writes its requirements there."""
        name = f"requirements-{self.version}-{len(self.requirements)}.txt"
        (folder / name).write_text(self.requirements)
        return f'{{kind: process, python: "{self.version}", requirements: {name}}}'

    def run(self, script: str, folder: Path) -> Any:
        """Run a script in the environment, in a folder, and return what it prints as JSON."""
        done = subprocess.run(
            [self.python, "-c", script], cwd=folder, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def built(name: str, cache: Path) -> Built:
    """Return the environment of this name; skips where its Python is not here, or no index can be reached."""
    version, lines = WANTED[name]
    requirements = "\n".join([*lines, ""])
    file = cache / f"requirements-of-{name}.txt"
    file.write_text(requirements)
    try:
        find_python(version)
        found = environment_for(Wanted(python=version, requirements=file), cache)
    except LoadError as error:
        pytest.skip(f"the environment {name} cannot be built here: {error.message}")
    return Built(Path(found.python), version, requirements)
