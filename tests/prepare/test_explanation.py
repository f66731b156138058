"""Preparing says whether answers can be explained, checks it on real rows, and never fails a route for it."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gateway.explainers
from gateway.artifacts.manifest import ExplanationReport, Manifest
from gateway.executors import make_executor
from gateway.executors.thread_pool import NativePool
from gateway.explanation import Explanation
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.loaders.one_hot import OneHot
from gateway.prepare.child_supervisor import PrepareLimits
from gateway.prepare.entries import prepare_registry
from gateway.prepare.explanation import report_explanation
from gateway.registry.load import load_registry
from gateway.schema import Column

xgboost = pytest.importorskip("xgboost")
pandas = pytest.importorskip("pandas")

COLOURS = ("amber", "blue", "coral")


def prepared(folder: Path, entry: str, limits: PrepareLimits | None = None) -> Manifest:
    """Prepare one route in a child."""
    (folder / "registry.yaml").write_text(f"version: 1\nroutes:\n  /m: {entry}\n")
    return prepare_registry(load_registry(folder / "registry.yaml"), folder / "cache", limits or PrepareLimits())["m"]


def told(found: Manifest) -> ExplanationReport:
    """Return the report of a route that serves."""
    assert found.problem is None
    assert found.explanation is not None
    return found.explanation


@pytest.fixture(scope="module")
def dummies() -> Any:
    """Return a frame with dummies of a colour, and a booster of it."""
    draw = np.random.default_rng(4)
    colour = draw.choice(COLOURS, 300)
    frame = pandas.get_dummies(pandas.DataFrame({"size": draw.normal(size=300), "colour": colour}), dtype=float)
    y = (colour == "blue") * 2.0 + frame["size"] > 0.5
    model = xgboost.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(frame, y)
    return frame, model.get_booster()


def golden_of(frame: Any, booster: Any, path: Path) -> None:
    """Write golden rows."""
    scores = booster.predict(xgboost.DMatrix(frame))
    predictions = [{"label": int(p > 0.5), "probabilities": {"0": 1 - float(p), "1": float(p)}} for p in scores]
    colours = [next(c for c in COLOURS if row[f"colour_{c}"]) for row in frame.to_dict("records")]
    instances = [{"size": s, "colour": c} for s, c in zip(frame["size"].tolist(), colours, strict=True)]
    content = {"version": 1, "instances": instances, "predictions": predictions}
    path.write_text(json.dumps(content))


def test_importance_is_of_golden_rows_and_of_fields(dummies: Any, tmp_path: Path) -> None:
    """Dummies of one field count together; the mean is over golden rows, and the executor answers by the same parts."""
    frame, booster = dummies
    booster.save_model(tmp_path / "m.ubj")
    golden_of(frame[:40], booster, tmp_path / "m.golden.json")
    found = prepared(tmp_path, '{artifact: m.ubj, golden: m.golden.json, inputs: {colour: {dummies: "colour_*"}}}')
    report = told(found)
    assert (report.reason, report.scale, report.of, report.label) == ("", "log-odds", "label", 1)
    assert report.rows > 40
    assert 0 <= report.max_error <= 1e-5
    assert report.row_s > 0
    own = booster.predict(xgboost.DMatrix(frame[:40]), pred_contribs=True)
    is_colour = np.array([name.startswith("colour_") for name in frame.columns])
    size, colour = own[:, :-1][:, ~is_colour].sum(axis=1), own[:, :-1][:, is_colour].sum(axis=1)
    wanted = {"size": np.abs(size).mean(), "colour": np.abs(colour).mean()}
    assert report.importance == pytest.approx(wanted, rel=1e-5)
    assert report.importance_rows == 40
    executor = make_executor(found, LoadOptions(one_hot={"colour": OneHot("colour_*")}), NativePool(2))
    executor.start()
    asked: list[Column] = [
        frame["size"].to_numpy()[:5].copy(),
        np.array(["amber", "blue", "coral", "blue", "amber"], dtype=object),
    ]
    explained = executor.explain(asked, time.monotonic() + 60)
    assert explained.contributions.shape == (5, 2)
    assert float(explained.errors.max()) <= 1e-5


def test_what_is_not_explainable_says_why(tmp_path: Path) -> None:
    """Python code serves; the manifest has the reason and what could be explained instead."""
    (tmp_path / "m.py").write_text("def f(a: float) -> float:\n    return a\n")
    report = told(prepared(tmp_path, "{artifact: 'm.py:f'}"))
    assert "Python code" in report.reason
    assert report.instead
    assert report.importance == {}


class Wrong:
    """Explain with parts that do not add up, or that add up to another answer."""

    def __init__(self, inner: Any, change: Callable[[Explanation], None]) -> None:
        self.inner, self.change = inner, change

    def explain(self, columns: Sequence[Column]) -> Explanation:
        """Return what is nearly an explanation."""
        found: Explanation = self.inner.explain(columns)
        self.change(found)
        return found


def _shift(found: Explanation) -> None:
    found.contributions[:, 0] += 1e-3


def _other(found: Explanation) -> None:
    found.base += 0.01
    found.margin += 0.01


def _nan(found: Explanation) -> None:
    found.contributions[0, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_shift, "do not add up to its answer"),
        (_nan, "do not add up to its answer"),
        (_other, "its answer is not the one"),
    ],
)
def test_wrong_parts_are_never_shown(
    change: Callable[[Explanation], None],
    reason: str,
    dummies: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The law is checked on every row, the margin against the probability."""
    dummies[1].save_model(tmp_path / "m.ubj")
    (tmp_path / "registry.yaml").write_text("version: 1\nroutes:\n  /m: {artifact: m.ubj}\n")
    spec = load_registry(tmp_path / "registry.yaml").routes[0]
    predictor = get_loader("xgboost").load(tmp_path / "m.ubj", LoadOptions())
    real = gateway.explainers.explainer_for
    monkeypatch.setattr("gateway.prepare.explanation.explainer_for", lambda *of: Wrong(real(*of), change))
    row = [np.zeros(1) for _ in predictor.signature.inputs]
    report = report_explanation(spec, predictor, predictor.signature, (), row)
    assert reason in report.reason


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("os.abort()", PrepareLimits(), "killed by signal 6"),
        ("while True: pass", PrepareLimits(timeout_s=4.0), "longer than 4 s"),
        pytest.param(
            "raise ValueError('no luck')",
            PrepareLimits(),
            "explaining it raised ValueError: no luck",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_explaining_that_ends_the_child_costs_no_route(
    code: str, limits: PrepareLimits, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real end of the real child while it explains: the route serves, the reason names it."""
    site = tmp_path / "site"
    metadata = site / "explaining-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: explaining\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[gateway.explainers]\npython = explaining:make\n")
    (site / "explaining.py").write_text(
        f"import os\n\n\nclass Made:\n    def explain(self, columns):\n        {code}\n\n\n"
        "def make(predictor, output):\n    return Made()\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "m.py").write_text("def f(a: float) -> float:\n    return a\n")
    found = prepared(tmp_path, "{artifact: 'm.py:f'}", limits)
    assert reason in told(found).reason
    assert found.compile_declined == "Python code is served as it is"
