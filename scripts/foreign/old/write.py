"""
Train every family with the installed (old) versions and write artifacts and their answers into one archive.

    python write.py OUT.tar.xz [LIBRARY]        (one of EXTRA in families.py, or xgboost: its families alone)

Runs in the environments of environments.py, so it is written for Python 3.6.
"""

import importlib
import io
import json
import pickle
import sys
import tarfile
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import sklearn.pipeline

sys.path.insert(0, str(Path(__file__).parent))
import families  # noqa: E402

MODULES = (
    "calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble "
    "experimental.enable_hist_gradient_boosting experimental.enable_iterative_imputer feature_extraction.text "
    "feature_selection gaussian_process gaussian_process.kernels impute kernel_approximation kernel_ridge linear_model "
    "mixture model_selection multiclass multioutput naive_bayes neighbors neural_network pipeline preprocessing "
    "random_projection semi_supervised svm tree ensemble impute"
).split()

ROWS, TRIALS = 40, 10
COLOURS = ("red", "green", "blue")
WORDS = "good bad fine awful film plot actor scene dull bright the a of and slow great".split()


def matrix() -> Any:
    """Return training and trial rows, the same in every version."""
    draw = np.random.RandomState(7)
    return np.round(draw.uniform(-4, 4, size=(ROWS + TRIALS, 4)), 3)


def inputs() -> Any:
    """Return all rows by kind of input."""
    plain = matrix()
    draw = np.random.RandomState(8)
    holes = plain.copy()
    holes[draw.uniform(size=holes.shape) < 0.1] = np.nan
    counts = np.floor(np.abs(plain))
    frame = pd.DataFrame(plain[:, :2], columns=["a", "b"])
    frame["colour"] = [COLOURS[i % 3] for i in range(len(plain))]
    frame["size"] = ["large" if i % 5 < 2 else "small" for i in range(len(plain))]
    levels = frame.astype({"colour": "category", "size": "category"})
    numbers = pd.DataFrame(plain, columns=["a", "b", "c d", "e"])
    text = [" ".join(WORDS[i] for i in draw.randint(len(WORDS), size=8)) for _ in range(len(plain))]
    return {
        "matrix": plain, "holes": holes, "counts": counts, "frame": frame, "levels": levels, "frame_numbers": numbers, "text": text,
    }  # fmt: skip


def targets() -> Any:
    """Return what is taught, by kind of target."""
    plain = matrix()
    score = plain[:, 0] + 0.5 * plain[:, 1] * plain[:, 2] - 0.3 * plain[:, 3]
    two = (score > 0).astype(int)
    three = np.digitize(score, [-1.5, 1.5])
    return {
        "two": two,
        "three": three,
        "words": np.array(["low", "middle", "top"])[three],
        "number": score,
        "positive": np.exp(score / 4) + 0.1,
        "many": np.column_stack([score, plain[:, 0] - plain[:, 3]]),
        "labels": np.column_stack([two, plain[:, 1] > 0, plain[:, 2] > 1]).astype(int),
        "none": None,
    }


def names() -> Any:
    """Return every public name of the library, for the expressions."""
    found = {"np": np}
    for module in MODULES:
        try:
            found.update(vars(importlib.import_module("sklearn." + module)))
        except ImportError:
            continue
    for module, start in (("xgboost", "XGB"), ("lightgbm", "LGBM"), ("catboost", "CatBoost")):
        try:
            library = importlib.import_module(module)
            found.update({name: getattr(library, name) for name in dir(library) if name.startswith(start)})
        except Exception as error:  # not installed, or not whole
            print(module, error)
    for module in ("over_sampling", "under_sampling", "ensemble"):
        try:
            library = importlib.import_module("imblearn." + module)
            found.update({name: getattr(library, name) for name in library.__all__})
            found["imblearn_pipeline"] = importlib.import_module("imblearn.pipeline").make_pipeline
        except ImportError:
            continue
    return found


def part(rows: Any, start: int, stop: int) -> Any:
    """Return some rows of any kind of input."""
    return rows.iloc[start:stop] if hasattr(rows, "iloc") else rows[start:stop]


def plain(values: Any) -> Any:
    """Return JSON for an array, with null for NaN."""
    if isinstance(values, list):
        return [plain(value) for value in values]
    array = np.asarray(values)
    return shorter(array.tolist()) if array.dtype.kind == "f" else array.tolist()


def shorter(value: Any) -> Any:
    """Return numbers with 12 digits, far below what two versions may differ by; NaN becomes null."""
    if isinstance(value, list):
        return [shorter(one) for one in value]
    return None if value != value else float("{:.12g}".format(value))


def answers(model: Any, rows: Any) -> Any:
    """Return what this version answers."""
    found = {"predict": plain(model.predict(rows))}
    try:
        found["proba"] = plain(model.predict_proba(rows))
    except (AttributeError, NotImplementedError):
        pass
    return found


def write_family(archive: Any, row: Any, scope: Any, rows: Any, taught: Any) -> Any:
    """Train one family and write its files; return its entry, or why there is none."""
    name, kind, target, code = row
    model = eval(code, scope)  # our own expressions
    train = part(rows[kind], 0, ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.random.seed(0)
        model.fit(train) if taught[target] is None else model.fit(train, taught[target][:ROWS])
        entry = {"inputs": kind, "target": target, "code": code, "files": []}
        entry.update(answers(model, part(rows[kind], ROWS, ROWS + TRIALS)))
    if not name.startswith("cat_") and name != "cat":  # CatBoost's own formats are what people keep
        keep(archive, entry, name + ".pkl", pickle.dumps(model, protocol=2 if name.endswith("linear") else 4))
    if name in families.ALSO_JOBLIB:
        stream = io.BytesIO()
        joblib.dump(model, stream, compress=3 if name == "forest" else 0)
        keep(archive, entry, name + ".joblib", stream.getvalue())
    if name in families.ALSO_SKOPS:
        write_skops(archive, entry, name, model)
    if name.startswith("xgb") and hasattr(model, "get_booster"):
        write_booster(archive, entry, name, model)
    if name.startswith("lgbm") and target != "words":  # its text files tell no labels
        keep(archive, entry, name + ".txt", model.booster_.model_to_string().encode())
    if name.startswith("cat_") or name == "cat":
        write_catboost(archive, entry, name, model, train)
    return entry


def write_catboost(archive: Any, entry: Any, name: str, model: Any, rows: Any) -> None:
    """Write CatBoost's two formats; its JSON needs the rows where there are categories."""
    folder = Path(archive.name).parent
    pool = importlib.import_module("catboost").Pool(rows, cat_features=model.get_param("cat_features"))
    for suffix in ("cbm", "json"):
        path = folder / ("model." + suffix)
        model.save_model(str(path), format=suffix, pool=pool)
        keep(archive, entry, name + "." + suffix, path.read_bytes())
        path.unlink()


def keep(archive: Any, entry: Any, name: str, data: bytes) -> None:
    """Add one file."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
    entry["files"].append(name)


def write_skops(archive: Any, entry: Any, name: str, model: Any) -> None:
    """Write a skops file where this environment has skops."""
    try:
        import skops.io  # noqa: PLC0415
    except ImportError:
        return
    keep(archive, entry, name + ".skops", skops.io.dumps(model))


def write_booster(archive: Any, entry: Any, name: str, model: Any) -> None:
    """Write a booster in each format of its own that its version has."""
    folder = Path(archive.name).parent
    for suffix in ("bin", "json", "ubj"):
        path = folder / ("booster." + suffix)
        try:
            model.get_booster().save_model(str(path))
        except Exception as error:  # an old version has no such format
            print(name, suffix, type(error).__name__)
            continue
        data = path.read_bytes()
        path.unlink()
        is_named = data[:1] == b"{" and (suffix == "json") == (data[:2] != b"{L")
        if (suffix == "bin" and data[:1] != b"{") or (suffix != "bin" and is_named):
            keep(archive, entry, name + "." + suffix, data)


def main() -> None:
    """Write the archive named on the command line."""
    target = Path(sys.argv[1])
    rows, taught, scope = inputs(), targets(), names()
    versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}
    for package in ("xgboost", "skops", "lightgbm", "catboost", "imblearn"):
        try:
            versions[package] = importlib.import_module(package).__version__
        except Exception:
            continue
    document = {"versions": versions, "families": {}, "absent": {}}  # type: Any
    trials = {kind: part(found, ROWS, ROWS + TRIALS) for kind, found in rows.items()}
    document["rows"] = {
        kind: json.loads(found.to_json(orient="records")) if hasattr(found, "to_json") else plain(found) if kind != "text" else found
        for kind, found in trials.items()
    }
    chosen = families.EXTRA.get(sys.argv[2] if len(sys.argv) > 2 else "", families.FAMILIES)
    if sys.argv[2:] == ["xgboost"]:
        chosen = families.BOOSTERS
    with tarfile.open(str(target), "w:xz") as archive:
        for row in chosen:
            try:
                document["families"][row[0]] = write_family(archive, row, scope, rows, taught)
            except Exception as error:  # no such class or parameter in this version
                document["absent"][row[0]] = "{}: {}".format(type(error).__name__, str(error)[:120])
        keep(archive, {"files": []}, "answers.json", json.dumps(document, sort_keys=True).encode())
    print(target, len(document["families"]), "families;", "absent:", json.dumps(document["absent"], indent=1))


if __name__ == "__main__":
    main()
