"""The two text formats of Prometheus: lines out of names, labels and numbers; knows no metric."""

from collections.abc import Iterable, Sequence
from typing import Literal

Kind = Literal["counter", "histogram", "gauge", "info"]
Labels = Iterable[tuple[str, str]]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def prefix(name: str, labels: Labels) -> str:
    """Return the beginning of a sample's line, up to the value."""
    inner = ",".join(f'{key}="{_escape(value)}"' for key, value in labels)
    return f"{name}{{{inner}}} " if inner else f"{name} "


def header(family: str, kind: Kind, documentation: str, *, openmetrics: bool) -> str:
    """Return the HELP and TYPE lines; `family` is the name without `_total` and `_info`."""
    name, shown = family, str(kind)
    if not openmetrics:
        name = family + {"counter": "_total", "info": "_info"}.get(kind, "")
        shown = "gauge" if kind == "info" else kind
    return f"# HELP {name} {_escape_help(documentation)}\n# TYPE {name} {shown}\n"


def family(
    name: str, kind: Kind, documentation: str, rows: Sequence[tuple[Labels, float]], *, openmetrics: bool
) -> str:
    """Return all lines of one family of plain numbers; nothing without a row."""
    if not rows:
        return ""
    sample = name + {"counter": "_total", "info": "_info"}.get(kind, "")
    lines = [f"{prefix(sample, labels)}{float(value)!r}\n" for labels, value in rows]
    return header(name, kind, documentation, openmetrics=openmetrics) + "".join(lines)


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
