"""Parse `plot` of a route: the file of counts beside the model, and how it is drawn."""

from pathlib import Path

from gateway.artifacts import binned_counts
from gateway.errors import ArtifactError
from gateway.registry import files
from gateway.registry.checks import read_keys, section
from gateway.registry.keys import PLOT_KEYS
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.values import Document, Entry, Value

_EXAMPLE = "plot: {file: models/name/histogram.json}"


def read_plot(document: Document, entry: Entry, route: str) -> PlotKeys | None:
    """Return the keys of `plot`; None after noting that it names no file."""
    where = f"'plot' of route '{route}'"
    entries = section(document, entry.value, where, _EXAMPLE)
    if entries is None:
        return None
    found = read_keys(document, entries, PLOT_KEYS, where)
    if entries.lacks("file"):
        document.fault(
            entry.key,
            "missing-key",
            f"{where} names no 'file'",
            expected="a JSON file of binned counts, relative to the registry (docs/registry.md)",
            fix="add `file: models/name/histogram.json`",
        )
    return PlotKeys(**found) if "file" in found else None


def check_counts(document: Document, base: Path, file: Value) -> None:
    """Note a file of counts that is absent, or that cannot be drawn; its route would serve without the plot."""
    path = files.check_file(document, base, file.raw, file.span, "plot-missing")
    if path is None:
        return
    try:
        binned_counts.read(path)
    except ArtifactError as error:
        document.fault(file.span, error.code, f"'{file.raw}': {error.message}", fix=error.hint)
