"""/metrics counts every request exactly once, over all workers, whatever becomes of them."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import serving
from serving import Gateway

STUB = {"inputs": ["a"], "output": {"kind": "classification", "labels": ["no", "yes"], "probabilities": True}}


def total(server: Gateway, name: str, **labels: str) -> float:
    """Return the sum of all series of a metric with these labels."""
    page = server.get("/metrics").body.decode()
    found = 0.0
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                found += sample.value
    return found


@pytest.fixture
def counted(gateway: Callable[..., Gateway], tmp_path: Path) -> Gateway:
    """Serve one classifier in two workers."""
    (tmp_path / "model.stub").write_text(json.dumps(STUB))
    return gateway(f"version: 1\nroutes:\n  /m: {{artifact: {tmp_path}/model.stub}}\n")


def test_counts_survive_kill_9(counted: Gateway) -> None:
    """No kill -9 of any worker, twice over, loses a request, counts one twice, or moves a sum back."""
    sent = 0
    for _ in range(2):
        for _ in range(30):
            assert counted.get("/m", a=1).status == 200
        sent += 30
        assert total(counted, "gateway_requests_total", route="m") == sent
        before = counted.workers()
        os.kill(before[0], signal.SIGKILL)
        serving.until(
            lambda before=before: before[0] not in counted.workers() and len(counted.workers()) == 2,
            what="a new worker",
        )
        assert total(counted, "gateway_requests_total", route="m") == sent
    counted.wait()
    for _ in range(10):
        counted.get("/m", a="x")
    assert total(counted, "gateway_requests_total", route="m", code="200") == sent
    assert total(counted, "gateway_requests_total", route="m", code="400") == 10
    assert total(counted, "gateway_request_seconds_count", route="m") == sent + 10
    assert total(counted, "gateway_request_seconds_bucket", route="m", le="+Inf") == sent + 10
    assert total(counted, "gateway_predict_seconds_count", route="m") == sent
    assert total(counted, "gateway_instances_total", route="m") == sent
    assert total(counted, "gateway_predictions_total", route="m", label="no") == sent
    assert total(counted, "gateway_validation_errors_total", route="m", field="a") == 10


def test_counts_survive_a_restart_of_workers(counted: Gateway) -> None:
    """A worker that leaves in order takes nothing with it either."""
    for _ in range(20):
        counted.get("/m", a=1)
    old = counted.workers()
    for pid in old:
        os.kill(pid, signal.SIGTERM)
    serving.until(lambda: not set(old) & set(counted.wait().workers()), what="new workers")
    assert total(counted, "gateway_requests_total", route="m") == 20


def test_series_exist_before_the_first_request(counted: Gateway) -> None:
    """A rate over a route that nobody has called yet is 0, not absent; declared labels are there too."""
    page = counted.get("/metrics").body.decode()
    for series in (
        'gateway_requests_total{code="200",method="GET",route="m"} 0.0',
        'gateway_predictions_total{label="yes",route="m"} 0.0',
        'gateway_request_seconds_count{route="m"} 0.0',
    ):
        assert series in page
    assert re.search(r'gateway_model_state\{route="m",state="ready",variant="\w+"\} 2', page)
    assert f'gateway_generation_info{{generation="{counted.get("/health").json["generation"]}"}} 1.0' in page


def test_one_series_per_route_not_per_path(counted: Gateway) -> None:
    """Paths that nobody declared never become labels: a scanner must not fill the memory of Prometheus."""
    before = len(counted.get("/metrics").body.splitlines())
    for number in range(30):
        counted.get(f"/scan-{number}")
        counted.request(f"M{number}", "/m")
    assert len(counted.get("/metrics").body.splitlines()) <= before + 2


def test_openmetrics_when_asked(counted: Gateway) -> None:
    """Prometheus gets the newer format where it asks for it."""
    answer = counted.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.rstrip().endswith(b"# EOF")
