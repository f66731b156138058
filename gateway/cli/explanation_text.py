"""Texts about explanations for the terminal: whether answers are explained, on which scale, which fields count."""

from gateway.artifacts.manifest import ExplanationReport

#: Fields that are named with their importance.
_MOST = 5


def explained(report: ExplanationReport | None) -> list[str]:
    """Return the lines of `gateway describe` about explanations."""
    if report is None:
        return []
    if report.reason:
        instead = [f"          {report.instead}"] if report.instead else []
        return [f"explained no: {report.reason}", *instead]
    of = {"value": "the value", "predicted label": "the predicted label"}.get(report.of, f"the label {report.label}")
    rows = [
        f"explained yes: {of}, in parts on the scale {report.scale}; {report.rows:,} rows add up within "
        f"{report.max_error:.0e} ({1e6 * report.row_s:,.0f} us a row)"
    ]
    ranked = sorted(report.importance.items(), key=lambda item: -item[1])
    if ranked:
        shown = ", ".join(f"{name} {value:.3g}" for name, value in ranked[:_MOST])
        more = f", and {len(ranked) - _MOST} more" if len(ranked) > _MOST else ""
        rows.append(f"          mean part by field over {report.importance_rows} {report.importance_of}: {shown}{more}")
    return rows
