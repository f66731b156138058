"""Check the counts of a plot against the route that draws them: its fields, levels and texts."""

import string
from collections.abc import Iterator
from pathlib import Path

from gateway.artifacts.binned_counts import BinnedCounts, broken, read
from gateway.errors import ArtifactError
from gateway.registry.plot_keys import PlotKeys
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature
from gateway.system.suggest import did_you_mean, listing

#: Stands for the answer in `line`.
VALUE = "value"


def check_plot(path: Path, spec: RouteSpec, signature: Signature | None) -> BinnedCounts:
    """Return the counts; raises ArtifactError where they, or the texts of `plot`, name what the route does not have."""
    counts = read(path)
    if spec.plot is None or signature is None:
        return counts
    names = signature.names
    for where, field in _named(spec.plot, counts):
        if field not in names:
            raise ArtifactError(
                f"{where} names '{field}', which is no input of {spec.path} ({listing(names)})",
                code="plot-field",
                hint=did_you_mean(field, names) or "name one of the inputs; a brace that is meant as such is doubled",
            )
    return counts


def _named(plot: PlotKeys, counts: BinnedCounts) -> Iterator[tuple[str, str]]:
    """Yield where a field is named, and its name."""
    for number, series in enumerate(counts.series):
        yield from ((f"series[{number}].by", field) for field in series.by)
        for field in _placeholders(f"series[{number}].name", series.name):
            if field not in series.by:
                raise broken(f"the name of series[{number}] names '{field}', which is not in its `by`")
    for where in ("title", "x", "y", "line"):
        for field in _placeholders(where, getattr(plot, where)):
            if (where, field) != ("line", VALUE):
                yield f"'{where}' of plot", field


def _placeholders(where: str, text: str) -> list[str]:
    """Return the names between braces; raises ArtifactError for a text whose braces do not pair."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise broken(f"{where} {text!r}: {error}") from error
    if any(form or conversion for _, _, form, conversion in parts):
        raise broken(f"{where} {text!r}: only a name may stand between braces")
    return [name for _, name, _, _ in parts if name is not None]
