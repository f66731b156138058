"""MOJOs for bench.explanations: H2O's scorer (EasyPredict with contributions) beside the gateway. Needs Java."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import jpype
import numpy as np

from gateway.explainers import explainer_for
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Column, make_column

MODELS: Final = Path(__file__).resolve().parents[2] / "tests" / "explainers" / "mojos"
NAMES: Final = {
    "H2O: GBM of 20 trees": "gbm-bernoulli",
    "H2O: DRF of 20 trees": "drf-binomial",
    "H2O: XGBoost of 20 trees": "xgboost-binomial",
}


class Rows:
    """Hold rows by column; a slice of them is rows again."""

    def __init__(self, columns: list[Column], names: tuple[str, ...]) -> None:
        self.columns = columns
        self.names = names

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, place: slice) -> Rows:
        return Rows([column[place] for column in self.columns], self.names)


def mojos(count: int) -> Iterator[tuple[str, Rows, dict[str, Callable[[Any], Any]]]]:
    """Yield name, rows, and what is timed by name."""
    with tempfile.TemporaryDirectory() as cache:
        for title, name in NAMES.items():
            path = MODELS / f"{name}.zip"
            predictor: Any = get_loader("h2o_mojo").load(path, LoadOptions(cache_dir=Path(cache)))
            explainer = explainer_for("h2o_mojo", predictor, predictor.signature.output)
            scorer = _scorer(path)
            rows = _rows(predictor.signature, count)
            theirs = np.array(scorer(rows[:50]))
            parts = explainer.explain(rows[:50].columns)
            # The scorer has a column for each level where the model has; their sum is the same.
            assert np.abs(parts.base + parts.contributions.sum(axis=1) - theirs.sum(axis=1)).max() <= 1e-5, name
            by_column = {"predict": predictor.predict, "gateway": explainer.explain}
            yield title, rows, {name: _of_columns(call) for name, call in by_column.items()} | {"library's own": scorer}


def _of_columns(call: Callable[[list[Column]], Any]) -> Callable[[Rows], Any]:
    return lambda rows: call(rows.columns)


def _rows(signature: Any, count: int) -> Rows:
    rng = np.random.default_rng(1)
    columns = [
        make_column(
            field.column_type,
            list(rng.choice(field.enum, count)) if field.enum else list(np.abs(rng.normal(40, 20, count)).round(1)),
        )
        for field in signature.inputs
    ]
    return Rows(columns, signature.names)


def _scorer(path: Path) -> Callable[[Rows], list[list[float]]]:
    """Return H2O's own way for an application: EasyPredictModelWrapper with contributions, a RowData for each row."""
    easy = "hex.genmodel.easy"
    config = jpype.JClass(f"{easy}.EasyPredictModelWrapper$Config")()
    config.setModel(jpype.JClass("hex.genmodel.MojoModel").load(str(path), True)).setEnableContributions(True)
    wrapper = jpype.JClass(f"{easy}.EasyPredictModelWrapper")(config)
    row_data, number = jpype.JClass(f"{easy}.RowData"), jpype.JDouble

    def one(names: tuple[str, ...], cells: tuple[Any, ...]) -> list[float]:
        row = row_data()
        for name, cell in zip(names, cells, strict=True):
            row.put(name, cell if isinstance(cell, str) else number(cell))
        return list(wrapper.predictBinomial(row).contributions)

    return lambda x: [one(x.names, cells) for cells in zip(*(column.tolist() for column in x.columns), strict=True)]
