"""The Grafana dashboard: one panel for every metric, by its kind, below a line of figures that matter first."""

from collections.abc import Iterable
from typing import Any

from monitoring.catalogue import Metric

WIDTH, HEIGHT = 8, 7
COLUMNS = 24 // WIDTH
SOURCE = {"type": "prometheus", "uid": "${source}"}

#: Title, expression, unit of the figures in the first line.
FIRST = (
    ("Requests", 'sum(gateway:requests:rate5m{job="$job"})', "reqps"),
    ("Worst error ratio", 'max(gateway:errors:ratio5m{job="$job"})', "percentunit"),
    ("Worst p95", 'max(gateway:request_seconds:p95{job="$job"})', "s"),
    ("Refused", 'max(gateway:shed:ratio5m{job="$job"})', "percentunit"),
    (
        "Failed routes",
        'count(sum by (route) (gateway_model_state{job="$job",state="failed"}) > 0) or vector(0)',
        "none",
    ),
    ("Restarts", 'sum(increase(gateway_worker_restarts_total{job="$job"}[1h]))', "none"),
    ("Worst share in model servers", 'max(gateway:executor_seconds:share5m{job="$job"})', "percentunit"),
    (
        "Routes without a model server",
        'count(sum by (route) (gateway_executor_breaker{job="$job",state="open"}) > 0) or vector(0)',
        "none",
    ),
)


def dashboard(metrics: Iterable[Metric]) -> dict[str, Any]:
    """Return the dashboard as Grafana 10 and later import it."""
    panels = [_figure(number, *figure) for number, figure in enumerate(FIRST)]
    panels += [_panel(number, metric) for number, metric in enumerate(metrics)]
    for number, panel in enumerate(panels):
        panel["id"] = number + 1
    return {
        "uid": "multi-model-gateway",
        "title": "Multi-model gateway",
        "tags": ["gateway"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        _variable("job", "label_values(gateway_generation_info, job)"),
        {
            **_variable("route", 'label_values(gateway_request_seconds_count{job="$job"}, route)'),
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
        },
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "sort": 1}


def _figure(number: int, title: str, expr: str, unit: str) -> dict[str, Any]:
    width = 24 // len(FIRST)
    return _base(title, "stat", unit, {"x": number * width, "y": 0, "w": width, "h": 4}, [_target(expr, "")])


def _panel(number: int, metric: Metric) -> dict[str, Any]:
    place = {"x": number % COLUMNS * WIDTH, "y": 4 + number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
    title = f"{metric.help} ({metric.name})"
    if metric.name.endswith("_info"):
        expr = f"max by ({', '.join(metric.labels)}) ({metric.name}{_where(metric)})"
        return _base(title, "table", "short", place, [{**_target(expr, ""), "format": "table", "instant": True}])
    if metric.name.endswith("_timestamp_seconds"):
        return _base(title, "stat", metric.unit, place, [_target(f"max({metric.name}{_where(metric)}) * 1000", "")])
    return _base(title, "timeseries", _unit(metric), place, _targets(metric))


def _unit(metric: Metric) -> str:
    return "cps" if metric.kind == "counter" else metric.unit


def _targets(metric: Metric) -> list[dict[str, Any]]:
    by, legend = ", ".join(metric.labels), " ".join(f"{{{{{label}}}}}" for label in metric.labels)
    if metric.kind == "histogram":
        return [
            _target(
                f"histogram_quantile({share}, sum by ({by}, le) (rate({metric.name}_bucket{_where(metric)}"
                "[$__rate_interval])))",
                f"p{share[2:]} {legend}",
            )
            for share in ("0.50", "0.95", "0.99")
        ]
    rate = f"rate({metric.name}{_where(metric)}[$__rate_interval])"
    inner = rate if metric.kind == "counter" else f"{metric.name}{_where(metric)}"
    return [_target(f"sum by ({by}) ({inner})" if by else f"sum({inner})", legend)]


def _where(metric: Metric) -> str:
    return '{job="$job",route=~"$route"}' if "route" in metric.labels else '{job="$job"}'


def _target(expr: str, legend: str) -> dict[str, Any]:
    return {"datasource": SOURCE, "expr": expr, "legendFormat": legend}


def _base(title: str, kind: str, unit: str, place: dict[str, int], targets: list[dict[str, Any]]) -> dict[str, Any]:
    for number, target in enumerate(targets):
        target["refId"] = chr(ord("A") + number)
    return {
        "title": title,
        "type": kind,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": targets,
    }
