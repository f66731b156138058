"""
What counts in a trained model: the mean size of each input's contribution over the golden rows.

Read from the file that is served, by the explainers of the gateway, so that the card says what `/routes` says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gateway.errors import NotExplainable
from gateway.explainers import explainer_for
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import MISSING, make_column

#: Ending of an artifact -> its loader. A MOJO is explained by Java, which the gateway has and a training need not have.
_LOADERS = {".ubj": "xgboost", ".skops": "sklearn", ".txt": "lightgbm"}
_DIGITS = 4


def importance_of(artifact: Path, golden: Path) -> Mapping[str, Any]:
    """Return scale, number of rows, and the inputs with the largest first; else the reason why there are none."""
    loader = _LOADERS.get(artifact.suffix)
    if loader is None:
        return {"reason": f"the parts of {artifact.name} are found when it is prepared: see /routes"}
    predictor = get_loader(loader).load(artifact, LoadOptions())
    rows = json.loads(golden.read_text(encoding="utf-8"))["instances"]
    fields = predictor.signature.inputs
    # A model of texts alone takes its values by their order, under any names.
    names = [one.name for one in fields] if predictor.signature.names_known else list(rows[0])
    columns = [
        make_column(one.column_type, [MISSING if row[name] is None else row[name] for row in rows])
        for name, one in zip(names, fields, strict=True)
    ]
    try:
        found = explainer_for(loader, predictor, predictor.signature.output).explain(columns)
    except NotExplainable as error:
        return {"reason": error.message}
    sizes = np.abs(found.contributions).mean(axis=0).tolist()
    ranked = sorted(zip(names, sizes, strict=True), key=lambda pair: -pair[1])
    return {
        "scale": found.scale,
        "rows": len(rows),
        "inputs": {name: float(f"{size:.{_DIGITS}g}") for name, size in ranked},
    }
