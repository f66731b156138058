"""Pages behind a proxy that shows the gateway below a path."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import serving
from process.test_load_balancers import in_front
from serving import Connection


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[str]:
    """Serve a route below /ml behind nginx, which cuts the prefix off; return the origin."""
    folder = tmp_path_factory.mktemp("prefixed")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    settings = {"root_path": "/ml", "trusted_proxies": "127.0.0.0/8", "workers": "1"}
    text = "version: 1\nroutes:\n  /m: m.stub\n  /deep/m: m.stub\n"
    with (
        serving.running(folder, cache, text, **settings) as server,
        in_front("nginx-prefix", server.port, folder) as (port, _),
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/ml/docs", "/ml/docs/"])
def test_the_reference_works_below_a_prefix(path: str, prefixed: str, page: Page) -> None:
    """Each link and command is below the prefix, and is answered there."""
    page.goto(f"{prefixed}{path}")
    expect(page.locator("#m pre.command")).to_have_text(f"curl -G {prefixed}/ml/m --data-urlencode a=1")
    links = page.locator("nav a").evaluate_all("all => all.map(link => link.href)")
    assert links and all(link.startswith(f"{prefixed}/ml/") for link in links)
    client = Connection(int(prefixed.rpartition(":")[2]))
    assert [client.request("GET", link.removeprefix(prefixed)).status for link in links] == [200] * len(links)
    client.close()
