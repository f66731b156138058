"""How hard the torture is: short in `make test`, long in `make soak`."""

import os

import pytest


@pytest.fixture(scope="session")
def rounds() -> int:
    """Return how often each cruelty is repeated: TORTURE_ROUNDS, 2 by default, 50 in `make soak`."""
    return int(os.environ.get("TORTURE_ROUNDS", "2"))
