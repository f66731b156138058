"""
Makes the two small models of this measurement once: an ONNX pipeline and an H2O MOJO with its scoring jar.

Knows how to train them on made-up rows; refuses to know how they are served.
"""

from __future__ import annotations

import random
import sys
import zipfile
from pathlib import Path

import h2o
import pandas as pd
from h2o.estimators import H2OGradientBoostingEstimator
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from artifacts import BUILD, CATEGORIES, JAR, MOJO, NUMBERS, ONNX

H2O_PORT = 54711
# What scoring a MOJO needs of the 279 MB server jar.
JAR_PREFIXES = (
    "hex/genmodel/", "biz/k11i/", "water/genmodel/", "water/util/", "water/logging/", "ai/h2o/algos/", "org/joda/",
    "com/google/gson/", "hex/ModelCategory", "META-INF/services/hex.genmodel",
)  # fmt: skip


def made_up_rows(count: int) -> list[dict[str, str | float]]:
    """Return rows with a numeric column `y`, the same for every call."""
    draw = random.Random(1)  # rows, not secrets
    rows: list[dict[str, str | float]] = []
    for _ in range(count):
        row: dict[str, str | float] = {name: draw.choice(levels) for name, levels in CATEGORIES.items()}
        row |= {"cost": draw.uniform(5e3, 6e4), "rate": draw.random(), "debt": draw.uniform(0, 4e4)}
        degree = CATEGORIES["degree"].index(str(row["degree"]))
        row["y"] = 2e4 + 6e3 * degree + 0.2 * float(row["cost"]) + 1e4 * float(row["rate"]) + draw.gauss(0, 2e3)
        rows.append(row)
    return rows


def make_onnx() -> None:
    """Write one-hot x 5 + scaler x 3 + linear regression as ONNX with one input per column."""
    frame = pd.DataFrame(made_up_rows(2000))
    columns = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)), ("numbers", StandardScaler(), NUMBERS)]
    )
    pipeline = make_pipeline(columns, LinearRegression()).fit(frame[[*CATEGORIES, *NUMBERS]], frame["y"])
    words = [(name, StringTensorType([None, 1])) for name in CATEGORIES]
    numbers = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    ONNX.write_bytes(to_onnx(pipeline, initial_types=words + numbers).SerializeToString())


def make_mojo() -> None:
    """Train a 20-tree GBM in an H2O server that lives only for this call; carve the scoring jar out of the package."""
    rows = made_up_rows(2000)
    csv = BUILD / "rows.csv"
    csv.write_text("\n".join([",".join(rows[0]), *(",".join(str(v) for v in row.values()) for row in rows)]) + "\n")
    h2o.init(ip="127.0.0.1", port=H2O_PORT, bind_to_localhost=True, nthreads=2, max_mem_size="1g")
    try:
        frame = h2o.import_file(str(csv), col_types=dict.fromkeys(CATEGORIES, "enum"))
        model = H2OGradientBoostingEstimator(ntrees=20, max_depth=4, seed=1)
        model.train(x=[*CATEGORIES, *NUMBERS], y="y", training_frame=frame)
        Path(model.save_mojo(str(BUILD), force=True)).replace(MOJO)
    finally:
        h2o.cluster().shutdown()
    jar = Path(h2o.__file__).parent / "backend" / "bin" / "h2o.jar"
    with zipfile.ZipFile(jar) as full, zipfile.ZipFile(JAR, "w", zipfile.ZIP_DEFLATED) as small:
        for name in full.namelist():
            if name.startswith(JAR_PREFIXES):
                small.writestr(name, full.read(name))


def make_all() -> None:
    """Make what is missing."""
    BUILD.mkdir(parents=True, exist_ok=True)
    if not ONNX.exists():
        make_onnx()
    if not (MOJO.exists() and JAR.exists()):
        make_mojo()


if __name__ == "__main__":
    make_all()
    print(f"models in {BUILD}", file=sys.stderr)
