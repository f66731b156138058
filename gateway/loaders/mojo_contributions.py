"""Asks H2O's scoring classes how much each column contributes to a score: their own TreeSHAP. The JVM must run."""

from pathlib import Path

import jpype
import numpy as np
import numpy.typing as npt

from gateway.errors import NotExplainable
from gateway.loaders.h2o_runtime import java_class


class MojoContributions:
    """
    Hold H2O's own predictor of contributions; safe in several threads.

    `names` are those of its columns: one for each level where the model has its levels one-hot encoded.
    """

    def __init__(self, path: Path) -> None:
        # With the model's attributes, which hold the variable importances that DRF asks for.
        model = java_class("hex.genmodel.MojoModel").load(str(path.absolute()), True)
        if not isinstance(model, java_class("hex.genmodel.PredictContributionsFactory")):
            raise NotExplainable(f"H2O has no contributions for models of {model._algoName}")
        try:
            self._predictor = model.makeContributionsPredictor()
        except Exception as error:  # Java exceptions arrive as subclasses of Exception
            raise NotExplainable(f"H2O has no contributions of this model: {error}") from error
        self.names = tuple(str(name) for name in self._predictor.getContributionNames())[:-1]
        self._doubles = jpype.JArray(jpype.JDouble)

    def of(self, rows: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return contributions (n, columns) and bias terms (n,)."""
        ask, doubles = self._predictor.calculateContributions, self._doubles
        found = np.array([list(ask(doubles(row))) for row in rows.tolist()], dtype=np.float64)
        found = found.reshape(len(rows), len(self.names) + 1)
        return found[:, :-1], found[:, -1]
