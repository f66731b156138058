"""Pages behind a proxy that shows the gateway below a path."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import serving
from console.conftest import OpenPage
from console.visiting import addresses, visit
from process.proxies import in_front
from serving import Connection


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[str]:
    """Serve a route below /ml behind nginx, which cuts the prefix off; return the origin."""
    folder = tmp_path_factory.mktemp("prefixed")
    (folder / "m.stub").write_text('{"inputs": ["a"]}')
    golden = {"version": 1, "instances": [{"a": 2}], "predictions": [{"value": 2}]}
    (folder / "golden.json").write_text(json.dumps(golden))
    settings = {"root_path": "/ml", "trusted_proxies": "127.0.0.0/8", "workers": "1"}
    text = "version: 1\nroutes:\n  /m: m.stub\n  /deep/m: m.stub\n"
    with (
        serving.running(folder, cache, text, **settings) as server,
        in_front("nginx-prefix", server.port, folder) as (port, _),
    ):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/ml/docs", pytest.param("/ml/docs/", marks=pytest.mark.slow)])
def test_the_reference_works_below_a_prefix(path: str, prefixed: str, page: Page) -> None:
    """Each link and command is below the prefix, and is answered there."""
    page.goto(f"{prefixed}{path}")
    expect(page.locator("#m pre.command")).to_have_text(f"curl -G {prefixed}/ml/m --data-urlencode a=1")
    links = page.locator("nav a").evaluate_all("all => all.map(link => link.href)")
    assert links and all(link.startswith(f"{prefixed}/ml/") for link in links)
    client = Connection(int(prefixed.rpartition(":")[2]))
    assert [client.request("GET", link.removeprefix(prefixed)).status for link in links] == [200] * len(links)
    client.close()


def test_the_model_page_works_below_a_prefix(prefixed: str, page: Page) -> None:
    """Its golden rows are asked there, and each link and each request to copy is below the prefix."""
    page.goto(f"{prefixed}/ml/console/m/model")
    expect(page.locator("#golden-result")).to_have_text("The row answers as published.")
    links = page.locator("a[href]:not(.skip)").evaluate_all("all => all.map(link => link.href)")
    assert all(link.startswith(f"{prefixed}/ml/") for link in links)
    assert f"{prefixed}/ml/m" in page.locator('[data-language="curl"]').inner_text()
    assert "POST /ml/v2/models/m/infer" in page.locator(".model-side").inner_text()


@pytest.mark.parametrize("label", addresses("", ["deep-m"]))
def test_every_page_works_below_a_prefix(label: str, prefixed: str, page: Page) -> None:
    """Each page loads with all its files, and whatever it names is below the prefix; its form predicts."""
    visit(page, addresses(f"{prefixed}/ml", ["deep-m"])[label])
    named = page.locator("[href], [src], [action]").evaluate_all(
        "all => all.map(one => one.href?.baseVal ?? one.href ?? one.src ?? one.action)"
    )
    assert named and [one for one in named if not str(one).startswith((f"{prefixed}/ml/", "data:"))] == []
    if label == "try deep-m":
        page.locator("[name=a]").fill("2.5")
        page.locator("#predict").click()
        expect(page.locator("#json")).to_contain_text("2.5")


def test_a_form_without_scripts_works_below_a_prefix(prefixed: str, no_script_page: Page) -> None:
    """From the index by a link, and back to the form with the answer."""
    page = no_script_page
    page.goto(f"{prefixed}/ml/")
    page.locator("a[href='/ml/console/deep-m']").first.click()
    page.locator("[name=a]").fill("2.5")
    page.locator("#predict").click()
    expect(page.locator("#json")).to_contain_text("prediction")
    assert page.url.startswith(f"{prefixed}/ml/console/deep-m")


@pytest.mark.parametrize("has_script", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_batch_works_below_a_prefix(prefixed: str, open_page: OpenPage, tmp_path: Path, has_script: bool) -> None:
    """A file is checked and scored there with a script, and comes back as a download with and without one."""
    page = open_page(java_script_enabled=has_script)
    file = tmp_path / "rows.csv"
    file.write_text("a\n1\n2.5\n")
    page.goto(f"{prefixed}/ml/console/deep-m/batch")
    page.set_input_files("#file", file)
    if has_script:
        expect(page.locator("#check h2")).to_have_text("2 rows, every one of them can be scored")
        page.get_by_role("button", name="Score here").click()
        expect(page.locator("#summary h2")).to_have_text("2 rows answered")
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON", exact=True).click()
    assert len(json.loads(Path(download.value.path()).read_text())["predictions"]) == 2


def test_pages_without_scripts_work_below_a_prefix(
    prefixed: str, no_script_page: Page, expect_console_error: Callable[[str], None]
) -> None:
    """A fault stands at its field, a copied link has its answer, the model page is whole."""
    expect_console_error("400")
    page = no_script_page
    page.goto(f"{prefixed}/ml/console/deep-m?a=many")
    expect(page.locator(".field[data-field=a] .fault")).to_contain_text("number")
    page.goto(f"{prefixed}/ml/console/deep-m?a=2.5")
    expect(page.locator("#json")).to_contain_text("2.5")
    page.goto(f"{prefixed}/ml/console/m/model")
    expect(page.locator("main")).to_contain_text("sha256", ignore_case=True)
