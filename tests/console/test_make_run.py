"""`make run` of a gateway that asks for keys, from end to end: all that stands around it works with a key or needs none."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Page, expect

import serving
from gateway.security import key_text
from monitoring.prometheus import running
from monitoring.test_kit import KIT, config_of
from process.proxies import in_front
from security.closed import add_key
from security.test_run import pm2
from serving import ROOT, Connection, Gateway, until

pytestmark = pytest.mark.slow
STUB = '{"inputs": ["a", "b"], "output": {"kind": "regression"}}'
REGISTRY = "version: 1\nroutes:\n  /m: m.stub\n  /n: {artifact: m.stub, aliases: [/old]}\n"


@dataclass(frozen=True)
class Run:
    """Hold a gateway under PM2, and what `make run` printed."""

    gateway: Gateway
    printed: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Run]:
    """Start it as `make run` does, with the key of everything in GATEWAY_KEY_FILE."""
    if not (ROOT / "node_modules/.bin/pm2").exists():
        pytest.skip("pm2 is not installed here: make setup")
    folder = tmp_path_factory.mktemp("run")
    (folder / "m.stub").write_text(STUB)
    server = serving.make(folder, cache, REGISTRY)
    server.key, file = add_key(server, "*"), folder / "ops.key"
    key_text.write(file, server.key)
    server.settings["GATEWAY_KEY_FILE"] = str(file)
    try:
        up = pm2(server, "up")
        assert up.returncode == 0, up.stderr
        yield Run(server, up.stdout)
        assert pm2(server, "down").returncode == 0
    finally:
        server.kill()


def test_each_printed_command_runs(run: Run) -> None:
    """Every curl of the list works as it is in a shell that has the key, and is refused in one that has none."""
    commands = re.findall(r"curl .*", run.printed)
    assert len(commands) == 3, run.printed  # two routes and /metrics
    for command in commands:
        for key, status in ((run.gateway.key, "200"), ("", "401")):
            done = subprocess.run(
                ["sh", "-c", f"{command} -s -o /dev/null -w '%{{http_code}}'"],
                env=os.environ | {"GATEWAY_KEY": key}, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.stdout == status, command


def test_prometheus_scrapes_with_its_key(run: Run, tmp_path: Path) -> None:
    """With a key of scope `metrics` in a file the target is up; without one it is down, and all else of the kit works."""
    (tmp_path / "tsdb").mkdir()
    (tmp_path / "gateway.rules.yml").write_text((KIT / "gateway.rules.yml").read_text())
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config_of(run.gateway)))
    made = run.gateway.command("key", "create", "prometheus", "--scope", "metrics", "--out", tmp_path / "gateway.key")
    assert made.returncode == 0, made.stderr
    with running(tmp_path / "prometheus.yml", tmp_path / "tsdb") as prometheus:
        until(lambda: prometheus.value('up{job="keyed"}') == 1, 60, what="a scrape with the key")
        until(lambda: prometheus.value('up{job="gateway"}') == 0, 60, what="a refused scrape")
        found = prometheus.ask("query", query='gateway_model_state{job="keyed",state="ready"}')["result"]
        assert {series["metric"]["route"] for series in found} == {"m", "n"}


def test_the_console_predicts(run: Run, page: Page, expect_console_error: Callable[[str], None]) -> None:
    """The page that `make run` names asks for a key once, and predicts with it."""
    expect_console_error("status of 401")
    named = re.search(r"open it:\s+(\S+)", run.printed)
    assert named is not None
    page.goto(f"http://127.0.0.1:{run.gateway.port}{urlsplit(named[1]).path}")
    page.get_by_label("Key", exact=True).fill(run.gateway.key)
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#routes li")).to_have_count(2)
    page.get_by_role("link", name="Try /m", exact=True).click()
    page.get_by_label("a", exact=True).fill("1")
    page.get_by_label("b", exact=True).fill("2")
    expect(page.locator("#result")).to_contain_text("3")


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_balancers_check_without_a_key(run: Run, tmp_path: Path, name: str) -> None:
    """Health checks of the documented configurations need no key; requests through them do."""
    with in_front(name, run.gateway.port, tmp_path) as (port, _):
        client = Connection(port)
        for path in ("/health/live", "/health/ready"):
            assert client.request("GET", path).status == 200
        refused = client.request("GET", "/m?a=1&b=2")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="gateway"')
        answer = client.request("GET", "/m?a=1&b=2", None, {"Authorization": f"Bearer {run.gateway.key}"})
        assert (answer.status, json.loads(answer.body)) == (200, {"prediction": 3.0})
        client.close()
