"""Each case is fitted, saved and loaded once per session, through the loader that a route would use."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.sklearn import _predictor as sklearn_predictor

from .cases import SKLEARN, XGBOOST, Case

NAMES = [*(f"sklearn/{name}" for name in SKLEARN), *(f"xgboost/{name}" for name in XGBOOST)]


class Loaded:
    """Hold a case with its loaded original."""

    def __init__(self, name: str, case: Case, loader: str, predictor: Any, path: Path) -> None:
        self.name, self.case, self.loader, self.predictor, self.path = name, case, loader, predictor, path


def load(name: str, folder: Path) -> Loaded:
    """Fit, save and load one case."""
    loader, _, short = name.partition("/")
    case = {"sklearn": SKLEARN, "xgboost": XGBOOST}[loader][short]
    path = folder / f"{short}.ubj"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = case.make()
        if loader == "sklearn":
            # What the loader does once the file is open; which files it opens is tested with the loaders.
            predictor: Any = sklearn_predictor(path, model)
        else:
            model.save_model(path)
            predictor = get_loader(loader).load(path, LoadOptions())
    return Loaded(name, case, loader, predictor, path)


@pytest.fixture(scope="session", params=NAMES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Return one loaded case after the other."""
    return load(request.param, tmp_path_factory.mktemp("case"))
