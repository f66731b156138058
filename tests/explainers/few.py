"""Which cases of a list run each time: one of a kind; all others are marked slow."""

from collections.abc import Iterable
from typing import Any

import pytest


def some(names: Iterable[str], kept: Iterable[str]) -> list[Any]:
    """Return all names, those marked slow that are not `kept`, each of which must be there."""
    names, chosen = list(names), set(kept)
    assert chosen <= set(names), chosen - set(names)
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in names]
