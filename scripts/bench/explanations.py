"""
Measure what an explanation costs, beside `shap` and the libraries' own contributions.

`PYTHONPATH=scripts .venv/bin/python -m bench.explanations [--rounds 7] [--only NAME] [--write]`. Prints a table in
markdown and the load of the machine; `--write` also puts both into docs/explanations.md.
Times are CPU time of the process, with one thread for each library, so a busy machine disturbs them little; all take
turns, and the median round counts. Before anything is timed the parts are compared.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from threadpoolctl import threadpool_limits

from gateway.explainers.matrix import matrix_explainer
from gateway.explainers.outputs import explain_outputs
from gateway.schema import Output

with warnings.catch_warnings():  # it draws in with matplotlib what that will deprecate
    warnings.simplefilter("ignore")
    shap = importlib.import_module("shap")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanations.md"
BEGIN, END = "<!-- measured: scripts/bench/explanations.py -->\n", "<!-- end measured -->\n"
BATCH = 100
#: CPU seconds that one round of one call fills at least.
FILLED = 0.02

Call = Callable[[Any], Any]


@dataclass(slots=True)
class Case:
    """Hold a model with rows, and those that are timed by name: each takes rows."""

    name: str
    rows: Any
    calls: dict[str, Call] = field(default_factory=dict)


def of_model(name: str, model: Any, rows: Any, own: Call | None = None) -> Case:
    """Return the case of a fitted model; `own` are the contributions of its library."""
    labels = tuple(str(label) for label in getattr(model, "classes_", ()))
    output = Output(kind="classification", labels=labels) if labels else Output()
    ours, peer = matrix_explainer(model), shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    calls: dict[str, Call] = {
        "predict": model.predict_proba if labels else model.predict,
        "gateway": lambda x: explain_outputs(ours, x, output),
        "shap": lambda x: peer.shap_values(x, check_additivity=False),
    }
    if own is not None:
        calls["library's own"] = own
    found, expected = calls["gateway"](rows[:50]).contributions, np.asarray(calls["shap"](rows[:50]))
    expected = expected[:, :, 1] if expected.ndim == 3 else expected
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max(), name
    return Case(name, rows, calls)


def cases() -> Iterator[Case]:
    """Yield models of the kinds that are explained."""
    x, y = load_breast_cancer(return_X_y=True)
    value_x, value = make_regression(1_000, 12, noise=10, random_state=0)
    forest = RandomForestClassifier(100, random_state=0).fit(x, y)
    yield of_model("scikit-learn: forest of 100 trees, two classes", forest, x)
    deep = RandomForestRegressor(100, random_state=0).fit(value_x, value)
    yield of_model("scikit-learn: forest of 100 trees with 63,000 leaves", deep, value_x)
    boosting = GradientBoostingRegressor(n_estimators=200, random_state=0).fit(value_x, value)
    yield of_model("scikit-learn: 200 boosted trees of depth 3", boosting, value_x)
    histogram = HistGradientBoostingClassifier(max_iter=100, early_stopping=False).fit(x, y)
    yield of_model("scikit-learn: 100 histogram-boosted trees", histogram, x)
    yield from boosters(x, y)
    yield from mojos()


def boosters(x: Any, y: Any) -> Iterator[Case]:
    """Yield those libraries that are installed."""
    try:
        import xgboost  # noqa: PLC0415 - each may be absent
    except ImportError:
        pass
    else:
        model = xgboost.XGBClassifier(n_estimators=200, max_depth=3, n_jobs=1).fit(x, y)
        booster = model.get_booster()
        yield of_model(
            "XGBoost: 200 trees of depth 3", model, x, lambda r: booster.predict(xgboost.DMatrix(r), pred_contribs=True)
        )
    try:
        import lightgbm  # noqa: PLC0415 - each may be absent
    except ImportError:
        pass
    else:
        model = lightgbm.LGBMClassifier(n_estimators=100, n_jobs=1, verbose=-1).fit(x, y)
        yield of_model(
            "LightGBM: 100 trees of 31 leaves", model, x, lambda r: model.booster_.predict(r, pred_contrib=True)
        )
    try:
        import catboost  # noqa: PLC0415 - each may be absent
    except ImportError:
        return
    model = catboost.CatBoostClassifier(iterations=200, depth=6, thread_count=1, verbose=False).fit(x, y)
    own = model.get_feature_importance
    yield of_model(
        "CatBoost: 200 trees of depth 6",
        model,
        x,
        lambda r: own(catboost.Pool(r), type="ShapValues", thread_count=1),
    )


def mojos() -> Iterator[Case]:
    """Yield H2O's models, where Java and the scoring classes are."""
    try:
        from bench import explanations_mojo  # noqa: PLC0415 - may be absent
    except ImportError:
        return
    for name, rows, calls in explanations_mojo.mojos(BATCH):
        yield Case(name, rows, calls)


def timed(call: Call, rows: Any) -> float:
    """Return the CPU seconds of one call, of as many as fill a round."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < FILLED or not count:
        call(rows)
        count += 1
    return spent / count


def measured(case: Case, rounds: int) -> str:
    """Return the lines of a case: milliseconds of a single row, and of a row among many."""
    singles: dict[str, list[float]] = {name: [] for name in case.calls}
    many: dict[str, list[float]] = {name: [] for name in case.calls}
    for call in case.calls.values():
        call(case.rows[:1])
    for turn in range(rounds):
        names = list(case.calls) if turn % 2 else list(case.calls)[::-1]
        for name in names:
            singles[name].append(timed(case.calls[name], case.rows[:1]))
            many[name].append(timed(case.calls[name], case.rows[:BATCH]) / BATCH)
    cells = [case.name]
    for name in ("predict", "gateway", "shap", "library's own"):
        found = singles.get(name)
        cells.append("" if found is None else f"{median(found) * 1e3:.2f} / {median(many[name]) * 1e3:.3f}")
    return "| " + " | ".join(cells) + " |"


def write(lines: Sequence[str]) -> None:
    """Replace what stands between the markers in docs/explanations.md."""
    text = PAGE.read_text()
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"{PAGE}: the lines {BEGIN.strip()} and {END.strip()} are not there")
    PAGE.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + tail)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="part of a name of the first column")
    parser.add_argument("--write", action="store_true", help="put the table into docs/explanations.md")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    lines = [
        f"| CPU ms: a single row / a row of {BATCH} | predict | gateway | shap | library's own |",
        "| --- |" + " --- |" * 4,
    ]
    print(*lines, sep="\n")
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        for case in cases():
            if options.only.lower() in case.name.lower():
                lines.append(measured(case, options.rounds))
                print(lines[-1], flush=True)
    lines += ["", _machine(before)]
    print(lines[-1])
    if options.write:
        write(lines)


def _machine(before: float) -> str:
    load = f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    return f"Medians of CPU time, {os.cpu_count()} cores, Python {platform.python_version()}, {load}."


if __name__ == "__main__":
    main()
