"""Writes what every training leaves in its folder, and has it recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models import cards, importance, tracking, training


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """
    Hold the results of one training, whose artifact is written already.

    `rows` and `predictions` are golden, `titles` say the figures in words, `model` is the native object that `flavour`
    of MLflow logs, `metrics` what metrics.json holds, but for the importance of the inputs.
    """

    artifact: Path
    flavour: str
    model: Any
    metrics: Mapping[str, Any]
    titles: Mapping[str, str]
    parameters: Mapping[str, Any]
    rows: Any
    predictions: Sequence[Mapping[str, Any]]
    plots: Sequence[Path] = field(default_factory=list)


def leave(script: str, results: Results) -> None:
    """Write golden rows, metrics and card beside the artifact, and record the run."""
    home, out = Path(script).resolve().parent, results.artifact.parent
    training.write_golden(out, results.rows.to_dict("records"), results.predictions)
    metrics = {**results.metrics, "importance": importance.importance_of(results.artifact, out / "golden.json")}
    training.write_json(out / "metrics.json", metrics)
    card = cards.write(home / cards.TEMPLATE, out, metrics, results.titles, results.plots)
    recorded = tracking.record(
        tracking.Run(
            name=home.name,
            flavour=results.flavour,
            model=results.model,
            files=[results.artifact, out / "golden.json", out / "metrics.json", card],
            metrics=metrics,
            parameters=results.parameters,
            rows=results.rows,
            answers=[row.get("value", row.get("label")) for row in results.predictions],
            plots=results.plots,
        )
    )
    print(f"{home.name}: {dict(results.metrics['figures'])}")
    print(f"recorded in {tracking.shown_store()}: {recorded}, alias {tracking.ALIAS}")
