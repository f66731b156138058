"""Each case and its predictor are made once per session."""

from pathlib import Path
from typing import Any

import pytest

from gateway.loaders import get_loader
from gateway.schema import make_column

from .cases import BUILDERS, Case


@pytest.fixture(scope="session", params=sorted(BUILDERS))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Return one trained model after the other."""
    # one folder for all: the scoring jar is carved once
    folder = tmp_path_factory.getbasetemp() / "cases"
    folder.mkdir(exist_ok=True)
    made = BUILDERS[request.param](folder)
    if made.loader == "h2o_mojo":
        fields = get_loader("h2o_mojo").describe(made.path, made.options).inputs
        made.columns = [make_column(field.type, [_value(row, field) for row in made.columns]) for field in fields]
    return made


def _value(row: Any, field: Any) -> Any:
    value = row.get(field.name)
    if value is None:
        return float("nan")
    return str(value) if field.type == "string" else value


@pytest.fixture(scope="session")
def predictor(case: Case) -> Any:
    """Return the loaded predictor of the case."""
    return get_loader(case.loader).load(case.path, case.options)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds the scoring jar."""
    folder = tmp_path_factory.getbasetemp() / "cases"
    folder.mkdir(exist_ok=True)
    return folder
