"""
The plots of a training, as SVG files that are the same bytes for the same figures.

Everything is drawn from out-of-fold answers: what the model says of rows that it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

FOLDER = "plots"
BLUE, GREY = "#2563eb", "#9ca3af"
BINS = 10
_STYLE: Any = {
    "svg.hashsalt": "plots",  # ids of a file come from it; unset, each run writes other bytes
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "figure.figsize": (4.6, 4.0),
    "figure.constrained_layout.use": True,
}
_MOST_POINTS = 1_000


def classifier(folder: Path, truth: Any, probability: Any, *, threshold: float, labels: Sequence[str]) -> list[Path]:
    """Draw ROC, calibration and confusion; `labels` name the classes 0 and 1 of `truth`."""
    truth, probability = np.asarray(truth), np.asarray(probability)
    with mpl.rc_context(_STYLE):
        return [
            _save(_roc(truth, probability), folder, "roc"),
            _save(_calibration(truth, probability, labels[1]), folder, "calibration"),
            _save(_confusion(truth, probability >= threshold, labels, threshold), folder, "confusion"),
        ]


def regressor(folder: Path, truth: Any, predicted: Any, *, unit: str) -> list[Path]:
    """Draw the residuals over the predicted values."""
    with mpl.rc_context(_STYLE):
        return [_save(_residuals(np.asarray(truth), np.asarray(predicted), unit), folder, "residuals")]


def _roc(truth: Any, probability: Any) -> Figure:
    false, true, _ = roc_curve(truth, probability)
    figure, axes = _axes("ROC of out-of-fold answers", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.plot(false, true, color=BLUE, label=f"AUC {roc_auc_score(truth, probability):.3f}")
    axes.legend(frameon=False, loc="lower right")
    return figure


def _calibration(truth: Any, probability: Any, positive: str) -> Figure:
    shares, means = calibration_curve(truth, probability, n_bins=BINS, strategy="quantile")
    figure, axes = _axes("Calibration, ten equal groups", f"mean probability of {positive}", f"share of {positive}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    axes.plot(means, shares, color=BLUE, marker="o", markersize=4)
    return figure


def _confusion(truth: Any, said: Any, labels: Sequence[str], threshold: float) -> Figure:
    counts = confusion_matrix(truth, said.astype(int), labels=[0, 1])
    figure, axes = _axes(f"Confusion from {threshold:g} on", "said", "true")
    axes.imshow(counts / counts.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = count / max(counts[row].sum(), 1)
        color = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{count}\n{share:.0%}", ha="center", va="center", color=color)
    axes.set_xticks([0, 1], labels)
    axes.set_yticks([0, 1], labels)
    axes.spines[:].set_visible(False)
    return figure


def _residuals(truth: Any, predicted: Any, unit: str) -> Figure:
    figure, axes = _axes("Residuals of out-of-fold answers", f"predicted, {unit}", f"true - predicted, {unit}")
    step = max(1, len(truth) // _MOST_POINTS)  # a file of points, not of megabytes
    axes.scatter(predicted[::step], (truth - predicted)[::step], s=5, alpha=0.35, color=BLUE, linewidths=0)
    axes.axhline(0, color=GREY, linestyle="--", linewidth=1)
    return figure


def _axes(title: str, x: str, y: str) -> tuple[Figure, Any]:
    figure = Figure()
    axes = figure.subplots()
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.locator_params(axis="x", nbins=6)
    return figure, axes


def _save(figure: Figure, folder: Path, name: str) -> Path:
    path = folder / FOLDER / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path
