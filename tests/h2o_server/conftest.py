"""What the tests of H2O's server share: models are trained once a session."""

from pathlib import Path
from typing import Any

import pytest

from h2o_server import h2o_models


@pytest.fixture(scope="session")
def table() -> dict[str, list[Any]]:
    """Return columns of rows, some values missing."""
    return h2o_models.make_table()


@pytest.fixture(scope="session")
def trained(table: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Return the binary model of each kind and H2O's own predictions for the rows."""
    return h2o_models.train(table, tmp_path_factory.mktemp("training"))
