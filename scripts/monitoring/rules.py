"""The alerts and the figures computed ahead, as a table; knows no file."""

from dataclasses import dataclass, field
from typing import Any

JOB = 'job="gateway"'
#: Failures that are answers of the gateway's own protection: 503 (full, not ready) has alerts of its own.
FAULTS = 'code=~"5..",code!="503"'


@dataclass(frozen=True, slots=True)
class Recording:
    """Name an expression that dashboard and alerts share."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Say when somebody should look, how urgently, and what to do first."""

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    do: str
    labels: dict[str, str] = field(default_factory=dict)


RECORDINGS = (
    Recording("gateway:requests:rate5m", "sum by (job, route) (rate(gateway_requests_total[5m]))"),
    Recording(
        "gateway:errors:ratio5m",
        f"sum by (job, route) (rate(gateway_requests_total{{{FAULTS}}}[5m]))\n/ gateway:requests:rate5m > 0\n"
        "or gateway:requests:rate5m * 0",
    ),
    Recording(
        "gateway:shed:ratio5m",
        "sum by (job, route) (rate(gateway_shed_total[5m]))\n/ gateway:requests:rate5m > 0\n"
        "or gateway:requests:rate5m * 0",
    ),
    *(
        Recording(
            f"gateway:request_seconds:p{share}",
            f"histogram_quantile(0.{share}, sum by (job, route, le) (rate(gateway_request_seconds_bucket[5m])))",
        )
        for share in (50, 95, 99)
    ),
    Recording(
        "gateway:executor_seconds:share5m",
        "sum by (job, route) (rate(gateway_executor_seconds_sum[5m]))\n"
        "/ sum by (job, route) (rate(gateway_request_seconds_sum[5m])) > 0",
    ),
)

ALERTS = (
    Alert(
        name="GatewayDown",
        expr=f"up{{{JOB}}} == 0\nor absent(up{{{JOB}}})",
        wait="1m",
        severity="critical",
        summary="Prometheus cannot scrape the gateway",
        do="pm2 ls; pm2 logs gateway. If it runs, compare GATEWAY_ADMIN_BIND (where there is none, GATEWAY_BIND) with "
        "the target in prometheus.yml.",
    ),
    Alert(
        name="GatewayRouteFailed",
        expr='sum by (job, instance, route) (gateway_model_state{state="failed"}) > 0\n'
        'unless sum by (job, instance, route) (gateway_model_state{state="ready"}) > 0',
        wait="1m",
        severity="critical",
        summary="route {{ $labels.route }} serves in no worker",
        do="curl the gateway's /health: it names the reason and the fix.",
    ),
    Alert(
        name="GatewayRouteDegraded",
        expr='sum by (job, instance, route) (gateway_model_state{state="failed"}) > 0\n'
        'and sum by (job, instance, route) (gateway_model_state{state="ready"}) > 0',
        wait="5m",
        severity="warning",
        summary="route {{ $labels.route }} serves in some workers only",
        do="pm2 logs gateway for the reason (out of memory?), then: pm2 reload gateway.",
    ),
    Alert(
        name="GatewayErrors",
        expr="gateway:errors:ratio5m > 0.05",
        wait="5m",
        severity="critical",
        summary="{{ $value | humanizePercentage }} of the requests to route {{ $labels.route }} fail",
        do="the log has the cause of every 500 under its request id; 504 means that the deadline is too short or the "
        "model too slow.",
    ),
    Alert(
        name="GatewaySlow",
        expr="gateway:request_seconds:p95 > 1",
        wait="10m",
        severity="warning",
        summary="the p95 of route {{ $labels.route }} is {{ $value | humanizeDuration }}",
        do="compare with gateway_predict_seconds: if the model is quick, the machine is busy or the queue is long.",
    ),
    Alert(
        name="GatewayShedding",
        expr="gateway:shed:ratio5m > 0.01",
        wait="5m",
        severity="warning",
        summary="{{ $value | humanizePercentage }} of the requests to route {{ $labels.route }} are refused",
        do="the route is at its limit: more workers, a faster model, or a higher max_concurrency.",
    ),
    Alert(
        name="GatewayQueueGrows",
        expr="min_over_time(gateway_queue_depth[5m]) > 0\n"
        "and avg_over_time(gateway_queue_depth[5m]) > avg_over_time(gateway_queue_depth[5m] offset 5m)",
        wait="5m",
        severity="warning",
        summary="the queue of route {{ $labels.route }} has not been empty for minutes and grows",
        do="requests arrive faster than the model answers; GatewayShedding follows when the queue is full.",
    ),
    Alert(
        name="GatewayCallersRefused",
        expr="sum by (job, instance, code) (rate(gateway_refused_total[5m])) > 1",
        wait="10m",
        severity="warning",
        summary="{{ $value | humanize }} requests a second are refused with {{ $labels.code }}",
        do="lines of the logger gateway.audit name caller and address. 401 after a rotation is a client with the old "
        "key; else it is somebody who tries keys: `server.limits` bounds one address.",
    ),
    Alert(
        name="GatewayReloadRefused",
        # The series begins with the first refusal, at 1: an increase alone would miss it. `up` of then tells a first
        # refusal from a first scrape.
        expr='increase(gateway_reloads_total{result="refused"}[15m]) > 0\n'
        'or (gateway_reloads_total{result="refused"} unless gateway_reloads_total{result="refused"} offset 15m)\n'
        "and on (job, instance) up offset 15m == 1",
        wait="0m",
        severity="warning",
        summary="an edit of registry.yaml was refused; the generation before goes on serving",
        do="gateway check registry.yaml lists every fault; /health shows the reason of the refusal.",
    ),
    Alert(
        name="GatewayWorkerRestarts",
        expr="increase(gateway_worker_restarts_total[15m]) > 1",
        wait="0m",
        severity="critical",
        summary="workers died or had to be killed in the last 15 minutes",
        do='pm2 logs gateway: "worker died" names the signal and what it was predicting.',
    ),
    Alert(
        name="GatewayModelServerAway",
        # Half-open for a moment at each trial; and for long where nobody asks, which tells nothing of the server.
        expr='sum by (job, instance, route) (max_over_time(gateway_executor_breaker{state="open"}[1m])) > 0',
        wait="2m",
        severity="critical",
        summary="the model server of route {{ $labels.route }} does not answer; its calls are refused",
        do="/health names the reason under the executor of the route; gateway doctor asks each server.",
    ),
    Alert(
        name="GatewayModelServerDegraded",
        expr="gateway_executor_servers_away > 0\n"
        "unless on (job, instance, route)\n"
        'sum by (job, instance, route) (gateway_executor_breaker{state!="closed"}) > 0',
        wait="5m",
        severity="warning",
        summary="{{ $value }} of the servers of route {{ $labels.route }} are left out; the others answer",
        do="/health names them with the reason; a server is asked again by itself, at the latest every 30 seconds.",
    ),
    Alert(
        name="GatewayModelServerRestarts",
        expr="increase(gateway_executor_restarts_total[15m]) > 2",
        wait="0m",
        severity="warning",
        summary="the process of the model of route {{ $labels.route }} ended again and again in the last 15 minutes",
        do="pm2 logs gateway holds its last words; too little memory is GATEWAY_PREPARE_MEMORY_MB.",
    ),
    Alert(
        name="GatewayKeySetAway",
        # The arbiter asks each five minutes; an age beyond three of them says that nobody asks any more.
        expr="gateway_key_set_up == 0\nor gateway_key_set_age_seconds > 900",
        wait="10m",
        severity="critical",
        summary="the key set of the issuer of tokens does not come any more",
        do="/health says why under keys. The last key set goes on, but keys that the issuer changes are not known: "
        "its tokens are refused.",
    ),
    Alert(
        name="GatewayMemoryHigh",
        expr='gateway_worker_memory_bytes{kind="pss"} > 4 * 2^30',
        wait="10m",
        severity="warning",
        summary="the workers use {{ $value | humanize1024 }}B",
        do="set the limit of this rule to your machine, and GATEWAY_WORKER_MEMORY_MB to recycle workers.",
    ),
    Alert(
        name="GatewayMemoryGrows",
        expr='min_over_time(gateway_worker_memory_bytes{kind="pss"}[30m])\n'
        '> 1.5 * max_over_time(gateway_worker_memory_bytes{kind="pss"}[30m] offset 6h)',
        wait="30m",
        severity="warning",
        summary="the workers use half as much memory again as six hours ago",
        do="a new route explains it; otherwise a model leaks: set GATEWAY_WORKER_MEMORY_MB and look at /health.",
    ),
    Alert(
        name="GatewayGenerationSkew",
        expr="count by (job, instance) (count_over_time(gateway_generation_info[5m])) > 1",
        wait="10m",
        severity="critical",
        summary="workers answer from different generations",
        do="/health lists the generation of each worker; pm2 reload gateway replaces them all.",
    ),
)


def rule_file() -> dict[str, Any]:
    """Return the content of Prometheus' rule file."""
    recorded = [{"record": one.name, "expr": one.expr} for one in RECORDINGS]
    return {"groups": [{"name": "gateway-figures", "rules": recorded}, {"name": "gateway", "rules": _alerts()}]}


def _alerts() -> list[dict[str, Any]]:
    return [
        {
            "alert": one.name,
            "expr": one.expr,
            "for": one.wait,
            "labels": {"severity": one.severity, **one.labels},
            "annotations": {"summary": one.summary, "do": one.do},
        }
        for one in ALERTS
    ]
