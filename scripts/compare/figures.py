"""
Print figures of checkouts side by side: `python -m compare.figures TREE [TREE ...]` (see README.md).

One ruler for all of them: this file decides, not what a checkout says of itself.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from compare import process_figures, source_figures


def measure(trees: Sequence[Path], scratch: Path, port: int, boots: int) -> list[dict[str, float]]:
    """Return the figures of each checkout; starts are timed in turns, so that what else runs slows down all alike."""
    columns: list[dict[str, float]] = [dict(source_figures.figures(tree)) for tree in trees]
    if not boots:
        return columns
    folders = [scratch / str(number) for number in range(len(trees))]
    starts: list[list[float]] = [[] for _ in trees]
    for column, tree, folder in zip(columns, trees, folders, strict=True):
        column.update(process_figures.figures(tree, folder, port))
    for _ in range(boots):
        for seconds, tree, folder in zip(starts, trees, folders, strict=True):
            seconds.append(process_figures.boot_s(tree, folder, port))
    for column, seconds in zip(columns, starts, strict=True):
        column.update({"boot, s (median)": statistics.median(seconds), "boot, s (least)": min(seconds)})
    return columns


def table(titles: Sequence[str], columns: Sequence[Mapping[str, float]]) -> str:
    """Return the figures as markdown."""
    lines = [f"| figure | {' | '.join(titles)} |", "| --- |" + " ---: |" * len(titles)]
    for name in columns[0]:
        cells = [f"{value:,.2f}" if isinstance(value := column[name], float) else f"{value:,}" for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", type=Path, nargs="+", help="checkouts with their .venv")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--boots", type=int, default=7, help="starts of each; 0: figures of the source only")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    trees = [tree.resolve() for tree in options.trees]
    with tempfile.TemporaryDirectory(prefix="compare-", ignore_cleanup_errors=True) as scratch:
        columns = measure(trees, Path(scratch).resolve(), options.port, options.boots)
    print(table([tree.name for tree in options.trees], columns))
    if options.json:
        named = {str(tree): column for tree, column in zip(options.trees, columns, strict=True)}
        options.json.write_text(json.dumps(named, indent=1))


if __name__ == "__main__":
    main()
