"""
The shape of this folder: a Compiler lowers a loaded predictor to a Draft, which a runtime can run.

Compilers run while preparing and may import frameworks. They know no route.
"""

from typing import Any, ClassVar, Protocol

from gateway.runtimes.base import Draft


class Declined(Exception):
    """Say in one clause why there is no compiled model; the original serves."""


class Compiler(Protocol):
    """Lower the predictors of one loader."""

    name: ClassVar[str]

    def lower(self, predictor: Any) -> Draft:
        """Return the draft; raises Declined for what it cannot say exactly."""
        ...
