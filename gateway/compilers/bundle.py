"""Lowers models in several files: those that are one scikit-learn pipeline once they are composed."""

from typing import Any, ClassVar

from gateway.compilers.base import Declined
from gateway.compilers.sklearn import SklearnCompiler
from gateway.runtimes.base import Draft


class BundleCompiler:
    """Compile what the compiler of scikit-learn knows."""

    name: ClassVar[str] = "sklearn"

    def lower(self, predictor: Any) -> Draft:
        """Return the draft of a composed pipeline; raises Declined for a model of another library behind its steps."""
        if not hasattr(predictor, "estimator"):
            raise Declined("its model is of another library than the steps before it")
        return SklearnCompiler().lower(predictor)
