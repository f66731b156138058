"""Return the environment that an entry of the registry asks for: found, or built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.environments import building, environment
from gateway.environments.building import Plan
from gateway.environments.environment import Environment, must_have_numpy

_REQUIRE: Final = "name a file with what the model needs: `requirements: models/name/requirements.txt`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    Say what an entry asks for: packages of a requirements file in a Python, or a virtualenv, or a Python as it is.

    `python` is a version or a path, "" for the gateway's own.
    """

    python: str = ""
    requirements: Path | None = None
    environment: Path | None = None


def environment_for(wanted: Wanted, cache_dir: Path, timeout_s: float = building.DEFAULT_S) -> Environment:
    """Return the environment, building it where it has to be; raises LoadError."""
    plan = to_build(wanted, cache_dir)
    if plan is not None:
        return building.built(plan, timeout_s)
    if wanted.environment is not None:
        where = f"the environment {wanted.environment}"
        fix = f"{wanted.environment}/bin/python -m pip install numpy, and what else the model needs"
        return must_have_numpy(environment.existing(wanted.environment), where, fix)
    found = environment.of_interpreter(wanted.python)
    return must_have_numpy(found, f"the Python {found.python}", _REQUIRE)


def to_build(wanted: Wanted, cache_dir: Path) -> Plan | None:
    """Return the plan of an environment that this gateway builds, whether or not it has; None for one of others."""
    if wanted.requirements is None:
        return None
    return building.planned(wanted.requirements, wanted.python, cache_dir)
