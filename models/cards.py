"""
Writes the model card of a run: `card.md` of a model's folder says in words what no run measures, the run fills it in.

`{{figures}}`, `{{importance}}`, `{{comparison}}`, `{{settings}}`, `{{plots}}` and `{{versions}}` become tables and
lists; any other name in double braces is looked up in metrics.json, with dots for what lies deeper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = "card.md"
CARD = "README.md"
_PLACE = re.compile(r"\{\{([\w.]+)\}\}")


def write(
    template: Path, out: Path, metrics: Mapping[str, Any], titles: Mapping[str, str], plots: Sequence[Path] = ()
) -> Path:
    """Write the card; `titles` say in words what each figure of the metrics is."""
    made = {
        "figures": _figures(metrics["figures"], titles),
        "importance": _importance(metrics["importance"]),
        "comparison": _comparison(metrics.get("leaderboard", [])),
        "settings": ", ".join(f"`{name}={value}`" for name, value in sorted(metrics.get("parameters", {}).items())),
        "plots": " ".join(f"![{path.stem}]({path.relative_to(out).as_posix()})" for path in plots),
        "versions": ", ".join(f"{name} {version}" for name, version in metrics["versions"].items()),
    }
    text = _PLACE.sub(
        lambda found: made[found[1]] if found[1] in made else str(_measured(metrics, found[1], template)),
        template.read_text(encoding="utf-8"),
    )
    card = out / CARD
    card.write_text(text, encoding="utf-8")
    return card


def _measured(metrics: Mapping[str, Any], name: str, template: Path) -> Any:
    found: Any = metrics
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise SystemExit(f"{template}: {{{{{name}}}}} is not in the metrics; expected one of {', '.join(metrics)}")
        found = found[part]
    return found


def _figures(figures: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    return table(["figure", "value"], [[titles[name], value] for name, value in figures.items()])


def _importance(found: Mapping[str, Any]) -> str:
    """Return the table of inputs, or why there is none."""
    if "reason" in found:
        return f"None: {found['reason']}."
    head = ["input", f"mean size of its part ({found['scale']})"]
    rows = table(head, [[f"`{name}`", size] for name, size in found["inputs"].items()])
    return f"Over the {found['rows']} golden rows:\n\n{rows}"


def _comparison(leaderboard: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            f"**{row['model']}**" if row["chosen"] else row["model"],
            row["kind"],
            row["log_loss"],
            row["standard_error"],
            row["auc"],
        ]
        for row in leaderboard
    ]
    return table(["model", "kind", "log loss", "standard error", "AUC"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
