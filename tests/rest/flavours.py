"""
Train one small model for each kind of answer that MLflow's flavours know, and save it as this gateway serves it.

Imports nothing of the gateway: rest/clients/mlflow_flavours.py runs it in a virtualenv with MLflow's server.
"""

from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import skops.io
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression

ROWS = [[0.2, -0.3], [0.6, 0.1], [-1.5, 0.25]]
NAMES = ["a", "b"]
#: Forms of a request; CSV is told by its text.
FORMS: dict[str, Any] = {
    "split": {"dataframe_split": {"columns": NAMES, "data": ROWS}},
    "records": {"dataframe_records": [dict(zip(NAMES, row, strict=True)) for row in ROWS]},
    "instances": {"instances": ROWS},
    "inputs": {"inputs": ROWS},
    "params": {"dataframe_split": {"columns": NAMES, "data": ROWS}, "params": {"output_margin": True, "ünknown": 1}},
    "csv": "\n".join([",".join(NAMES), *(",".join(map(str, row)) for row in ROWS)]),
}


def train(folder: Path) -> dict[str, tuple[str, Any, Path]]:
    """Return name -> flavour of MLflow, model and file."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)).round(2), columns=NAMES)
    rows, total = frame.to_numpy(), frame.sum(axis=1)
    words = np.where(total > 0, "hoch", "tief")
    three = np.array(["klein", "mittel", "groß"])[np.digitize(total, [-0.5, 0.5])]
    found: dict[str, tuple[str, Any, Path]] = {}
    column = LinearRegression().fit(frame, np.c_[2 * total + 1])
    skops.io.dump(column, folder / "column.skops")
    found["column"] = "sklearn", column, folder / "column.skops"
    classifier, line = LogisticRegression().fit(rows, words), LinearRegression().fit(rows, 2 * total)
    for name, model, options in (
        ("onnx_map", classifier, {"zipmap": True}),
        ("onnx_list", classifier, {"zipmap": False}),
        ("onnx_columns", classifier, {"zipmap": "columns"}),
        ("onnx_number", line, None),
    ):
        graph = to_onnx(model, rows[:1].astype(np.float32), options=options and {id(model): options}, target_opset=17)
        (folder / f"{name}.onnx").write_bytes(graph.SerializeToString())
        found[name] = "onnx", graph, folder / f"{name}.onnx"
    for name, parameters, target in (
        ("lgb_binary", {"objective": "binary"}, words == "hoch"),
        ("lgb_multi", {"objective": "multiclass", "num_class": 3}, np.digitize(total, [-0.5, 0.5])),
    ):
        data = lightgbm.Dataset(frame, target)
        booster = lightgbm.train({"verbose": -1, "num_leaves": 4, "num_threads": 1, **parameters}, data, 4)
        booster.save_model(folder / f"{name}.txt")
        found[name] = "lightgbm", booster, folder / f"{name}.txt"
    for name, labels in (("cat_two", words), ("cat_three", three)):
        cat = catboost.CatBoostClassifier(iterations=4, depth=2, verbose=0, allow_writing_files=False, thread_count=1)
        cat.fit(frame, labels).save_model(str(folder / f"{name}.cbm"))
        found[name] = "catboost", cat, folder / f"{name}.cbm"
    return found
