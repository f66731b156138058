"""The monitoring kit is what its generator writes, names only what exists, and works in a real Prometheus."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring.catalogue import catalogue
from monitoring.generate import generated
from monitoring.rules import ALERTS, RECORDINGS

from gateway.security import key_text
from monitoring.prometheus import promtool, running
from security.closed import add_key
from serving import ROOT, Gateway, until

KIT = ROOT / "scripts/monitoring"
TESTS = Path(__file__).with_name("alerts.test.yml")


def expressions() -> Iterator[str]:
    """Yield every query of rules and dashboard."""
    for group in yaml.safe_load((KIT / "gateway.rules.yml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    scoreboard = json.loads((KIT / "dashboard.json").read_text())
    yield from (target["expr"] for panel in scoreboard["panels"] for target in panel["targets"])
    yield from (variable["query"] for variable in scoreboard["templating"]["list"])


def test_files_are_what_the_generator_writes() -> None:
    """Rule file and dashboard equal what the definitions of the metrics give; `--check` says the same."""
    for path, text in generated().items():
        assert path.read_text() == text, f"run: python scripts/monitoring/generate.py ({path.name})"
    done = subprocess.run([sys.executable, KIT / "generate.py", "--check"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_queries_name_only_what_exists() -> None:
    """Every metric in a query exists, and every label in a matcher belongs to one of the metrics of its query."""
    labels = {series: {*metric.labels, "le"} for metric in catalogue() for series in metric.series}
    recorded = {one.name for one in RECORDINGS}
    for expr in expressions():
        names = set(re.findall(r"\bgateway_[a-z_]+\b(?!:)", expr))
        assert names <= labels.keys(), expr
        assert set(re.findall(r"\bgateway:[\w:]+", expr)) <= recorded, expr
        for name, matchers in re.findall(r"\b(gateway_[a-z_]+)\{([^}]*)\}", expr):
            assert set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", matchers)) <= {*labels[name], "job", "instance"}, expr


def test_every_metric_has_a_panel_and_every_alert_a_test() -> None:
    """A metric that is added gets a panel, and an alert without a unit test fails here."""
    queries = " ".join(expressions())
    assert [m.name for m in catalogue() if not any(series in queries for series in m.series)] == []
    tested = TESTS.read_text()
    assert [alert.name for alert in ALERTS if alert.name not in tested] == []


def test_promtool_accepts_config_and_rules() -> None:
    """`promtool check config` and `check rules` find nothing."""
    promtool("check", "config", "prometheus.yml", cwd=KIT)
    promtool("check", "rules", "gateway.rules.yml", cwd=KIT)


def test_each_alert_fires_on_its_trouble_and_on_nothing_else(tmp_path: Path) -> None:
    """`promtool test rules` passes: a sound gateway is silent for 13 hours, each trouble fires its own alert."""
    shutil.copy(KIT / "gateway.rules.yml", tmp_path)
    shutil.copy(TESTS, tmp_path)
    promtool("test", "rules", TESTS.name, cwd=tmp_path)


@pytest.mark.parametrize("scraped", [60])
def test_prometheus_scrapes_a_running_gateway(gateway: Callable[..., Gateway], tmp_path: Path, scraped: int) -> None:
    """
    The shipped config, pointed at a gateway, brings the exact request count and no failed scrape.

    From the first key on it is refused, and the audit log says why; with a key in a file, as its last line has it, it
    goes on.
    """
    (tmp_path / "m.stub").write_text(json.dumps({"inputs": ["a"]}))
    shutil.copy(KIT / "gateway.rules.yml", tmp_path)
    data = tmp_path / "tsdb"
    data.mkdir()
    server = gateway(f"version: 1\nroutes:\n  /m: {{artifact: {tmp_path}/m.stub}}\n")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config_of(server)))
    for _ in range(scraped):
        assert server.get("/m", a=1).status == 200
    with running(tmp_path / "prometheus.yml", data) as prometheus:
        expr = 'sum(gateway_requests_total{job="gateway",route="m",code="200"})'
        until(lambda: prometheus.value(expr) is not None, 60, what="a scrape")
        assert prometheus.value(expr) == scraped
        assert prometheus.value('up{job="gateway"}') == 1
        groups = (prometheus.ask("rules") or {})["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        key_text.write(tmp_path / "gateway.key", add_key(server, "metrics"))
        until(lambda: prometheus.value('up{job="gateway"}') == 0, 60, what="a refused scrape")
        until(lambda: prometheus.value('up{job="keyed"}') == 1, 60, what="a scrape with the key")
        assert prometheus.value(expr.replace('job="gateway"', 'job="keyed"')) == scraped
        refused = until(lambda: server.events("refused"), what="an audit line")
        told = {name: refused[0][name] for name in ("who", "what", "route", "result")}
        assert told == {"who": "anonymous", "what": "GET", "route": "/metrics", "result": 401}


def config_of(server: Gateway) -> dict[str, Any]:
    """Return the shipped config for a gateway, and beside its job one with the line for a gateway that asks for keys."""
    text = (KIT / "prometheus.yml").read_text()
    shipped, with_key = yaml.safe_load(text), yaml.safe_load(text.replace("# authorization:", "authorization:"))
    shipped["global"]["scrape_interval"] = shipped["global"]["evaluation_interval"] = "1s"
    jobs = [*shipped["scrape_configs"], {**with_key["scrape_configs"][0], "job_name": "keyed"}]
    assert jobs[1]["authorization"]
    for job in jobs:
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{server.port}"]
    return {**shipped, "scrape_configs": jobs}
