"""Pages of a gateway that asks for keys: a box for the key, then the page itself, and nothing of it before."""

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.conftest import OpenPage
from console.test_code_samples import answer_of
from gateway.console.code_samples import code_samples
from security.closed import add_key, closed
from serving import Gateway, until

STUB = '{"inputs": ["a", "b"], "output": {"kind": "regression"}}'
GOLDEN = '{"version": 1, "instances": [{"a": 1, "b": 2}], "predictions": [{"value": 3}]}'
REGISTRY = """\
version: 1
routes:
  /m: {artifact: m.stub, golden: golden.json, description: The sum of two numbers}
  /n: m.stub
"""
PAGES = ("/", "/console/m", "/console/m/batch", "/console/m/model", "/metrics", "/no-such")
LIGHTS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gateway]:
    """Serve a route to callers with keys."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "m.stub").write_text(STUB)
    (folder / "golden.json").write_text(GOLDEN)
    with closed(folder, cache, REGISTRY, workers="1") as running:
        yield running


def origin(server: Gateway) -> str:
    """Return where a browser finds the gateway."""
    return f"http://127.0.0.1:{server.port}"


def unlock(page: Page, key: str) -> None:
    """Type a key and send it."""
    page.locator("#key").fill(key)
    page.get_by_role("button", name="Open").click()


def test_a_key_opens_every_page(
    server: Gateway, page: Page, expect_console_error: Callable[[str], None], tmp_path: Path
) -> None:
    """Typed once in a tab, it opens all pages there: forms, files, golden rows and documents work as without keys."""
    expect_console_error("status of 401")
    base = origin(server)
    page.goto(f"{base}/")
    expect(page.get_by_role("heading", name="This gateway asks for a key")).to_be_visible()
    unlock(page, server.key)
    expect(page.locator("#routes li")).to_have_count(2)
    page.get_by_role("link", name="Try").first.click()
    expect(page.locator("#result")).to_be_visible()
    page.goto(f"{base}/console/m?a=1&b=2")
    expect(page.locator("#value, #prediction, #answer").first).to_contain_text("3")
    expect(page.locator('pre[data-language="curl"]')).to_contain_text('-H "Authorization: Bearer $GATEWAY_KEY"')
    assert server.key not in page.content()
    page.goto(f"{base}/console/m/batch")
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n1,2\n3,4\n")
    page.locator("#file").set_input_files(rows)
    expect(page.locator("#score")).to_be_enabled()
    page.locator("#score").click()
    expect(page.locator("#announce")).to_have_text("2 rows scored")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename == "m.csv"
    assert len(Path(download.value.path()).read_text().splitlines()) == 3
    page.goto(f"{base}/console/m/model")
    page.locator("#run-golden").click()
    expect(page.locator("#golden-result")).to_have_attribute("data-equal", "true")
    page.goto(f"{base}/metrics")
    expect(page.locator("pre.document")).to_contain_text("gateway_requests_total")
    page.goto(f"{base}/docs")
    expect(page.locator("#m pre.command")).to_contain_text("Bearer $GATEWAY_KEY")
    page.goto(f"{base}/")
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def counting(server: Gateway, *scopes: str) -> str:
    """Make a key and wait until it counts."""
    key = add_key(server, *scopes)
    headers = {"Authorization": f"Bearer {key}"}
    until(lambda: server.get("/version", headers).status == 200, what="the new key")
    return key


def test_a_key_of_one_route_leads_to_it(
    server: Gateway, page: Page, expect_console_error: Callable[[str], None], look: Callable[..., None]
) -> None:
    """Who may not list all models finds those of the key at the index, at /docs and wherever else the key is refused."""
    expect_console_error("status of 40[13]")
    base = origin(server)
    page.goto(f"{base}/")
    unlock(page, counting(server, "predict:/m", "predict:/gone"))
    expect(page.get_by_role("heading", name="Models of your key")).to_be_visible()
    expect(page.locator("#own-routes h2")).to_have_text(["/m"])
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator("#own-routes h2 a").click()
    expect(page.locator("#result")).to_be_visible()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("link", name="Model /m", exact=True).click()
    expect(page.locator("#run-golden")).to_be_visible()
    for path in ("/console/n", "/metrics", "/no-such"):
        page.goto(f"{base}{path}")
        expect(page.get_by_role("alert")).to_contain_text(f"may not use {path}.")
        expect(page.locator("#own-routes h2")).to_have_text(["/m"])
    page.goto(f"{base}/docs")
    expect(page.locator("#routes section")).to_have_count(1)
    expect(page.locator("#routes")).to_contain_text("POST /m")
    page.locator("#routes").get_by_role("link", name="Try").click()
    expect(page.locator("#result")).to_be_visible()
    page.goto(f"{base}/")
    page.get_by_role("button", name="Use another key").click()
    unlock(page, server.key)
    expect(page.locator("#routes li")).to_have_count(2)


@pytest.mark.parametrize(
    "language", ["curl", "Python", "JavaScript", pytest.param("Java", marks=pytest.mark.slow), "R"]
)
def test_copied_programs_send_the_key_of_the_shell(server: Gateway, tmp_path: Path, language: str) -> None:
    """Each program of the model page runs as it stands there, with the key in GATEWAY_KEY, and holds none itself."""
    page = server.get("/console/m/model", {"Accept": "text/html"}).body.decode()
    url, sample = f"{origin(server)}/m", server.get("/m/schema", sample="").json
    code = next(one.code for one in code_samples(url, sample, has_key=True) if one.language == language)
    assert code in html.unescape(page)
    assert server.key not in page
    assert json.loads(answer_of(language, code, tmp_path, GATEWAY_KEY=server.key)) == server.post("/m", sample).json


@pytest.mark.parametrize(
    "path", ["/", pytest.param("/docs", marks=pytest.mark.slow), pytest.param("/console/n", marks=pytest.mark.slow)]
)
def test_models_of_a_key_are_clear_in_every_light(
    server: Gateway,
    open_page: OpenPage,
    look: Callable[..., None],
    expect_console_error: Callable[[str], None],
    path: str,
) -> None:
    """Light, dark and on a phone the list fits."""
    key = counting(server, "predict:/m", "predict:/n") if path != "/console/n" else counting(server, "predict:/m")
    for name, options in LIGHTS.items():
        shown = open_page(**options)
        expect_console_error("status of 40[13]")
        shown.goto(f"{origin(server)}{path}")
        unlock(shown, key)
        expect(shown.get_by_role("link", name=re.compile("Try"))).not_to_have_count(0)
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        look(shown, f"own-{path.strip('/') or 'index'}-{name}")


def test_a_page_is_bound_as_its_header_says(
    server: Gateway, page: Page, expect_console_error: Callable[[str], None]
) -> None:
    """The page that is put in the place of the box may do no more than one that was sent as a page."""
    expect_console_error("status of 401|TrustedHTML|eval")
    page.goto(f"{origin(server)}/console/m")
    unlock(page, server.key)
    expect(page.locator("#result")).to_be_visible()
    policy = page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy


def test_a_key_that_does_not_open_is_told(
    server: Gateway, page: Page, expect_console_error: Callable[[str], None]
) -> None:
    """A mistyped, an unknown and a too narrow key stay at the box, each with its reason."""
    expect_console_error("status of 40[13]")
    page.goto(f"{origin(server)}/")
    at = server.key.rindex(server.key[-1])
    unlock(page, server.key[:at] + ("a" if server.key[at] != "a" else "b"))
    expect(page.get_by_role("alert")).to_contain_text("The key is mistyped")
    for no_header in ("a key", "gw_\u2013", "x" * 9000):
        unlock(page, no_header)
        expect(page.get_by_role("alert")).to_contain_text("This is no key")
    narrow = add_key(server, "metrics")
    until(lambda: server.get("/metrics", {"Authorization": f"Bearer {narrow}"}).status == 200, what="the new key")
    unlock(page, narrow)
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"may not use /\.\s*It needs the scope catalog"))
    unlock(page, server.key)
    expect(page.locator("#routes li")).to_have_count(2)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_box_is_clear_in_every_light(
    server: Gateway,
    open_page: OpenPage,
    look: Callable[..., None],
    expect_console_error: Callable[[str], None],
    path: str,
) -> None:
    """Light, dark and on a phone the box fits, holds the focus, and shows nothing of any route."""
    for name, options in LIGHTS.items():
        shown = open_page(**options)
        expect_console_error("status of 401")
        shown.goto(f"{origin(server)}{path}")
        expect(shown.locator("#key")).to_be_focused()
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert "/m" not in shown.inner_text("main")
        look(shown, f"key-{path.strip('/') or 'index'}-{name}")


def test_without_scripts_the_page_says_why_there_is_none(server: Gateway, no_script_page: Page) -> None:
    """A form without a script cannot send a key: it is not there, and the page says what to do."""
    for path in ("/", "/console/m", "/console/m/batch"):
        no_script_page.goto(f"{origin(server)}{path}")
        expect(no_script_page.locator("noscript .unlock")).to_be_visible()
        expect(no_script_page.locator("form:visible")).to_have_count(0)
