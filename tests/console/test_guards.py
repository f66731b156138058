"""The guards of the browser tests do fail: each one on a page that is made to misbehave, from a real server."""

import asyncio
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import playwright.sync_api as playwright
import pytest
from playwright.sync_api import Page

from console import chromium
from console.accessibility import axe
from console.conftest import Chromium, OpenPage
from console.guards import Guards
from console.keyboard import tab_to
from console.visiting import overlapping, too_wide
from serving import until

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FRAME = '<!doctype html><html lang="en"><head><title>a page</title><link rel="icon" href="data:,">{head}</head><body><main><h1>Page</h1>{body}</main></body></html>'
#: Path -> what stands in the head and in the body.
PAGES: dict[str, tuple[str, str]] = {
    "/good": ("", '<p><a href="/good">a link</a> <button id="go">Go</button></p>'),
    "/style": ("", '<p style="color: red">red</p>'),
    "/inline": ("<script>document.title = 'changed'</script>", ""),
    "/eval": ('<script src="/eval.js"></script>', ""),
    "/trusted": ('<script src="/trusted.js" defer></script>', ""),
    "/throws": ('<script src="/throws.js"></script>', ""),
    "/says": ('<script src="/says.js"></script>', ""),
    "/missing": ('<script src="/missing.js"></script>', ""),
    "/foreign": (
        '<link rel="dns-prefetch" href="//elsewhere.example">',
        '<p><a id="away" href="http://elsewhere.example/x">x</a>',
    ),
    "/unlabelled": ("", '<input><img src="data:,">'),
    "/overlapping": ('<link rel="stylesheet" href="/overlapping.css">', "<p>one text</p><p>another text</p>"),
    "/ringless": ('<link rel="stylesheet" href="/ringless.css">', '<button id="go">Go</button>'),
}
FILES = {
    "/eval.js": "try { eval('1') } catch { }",
    "/trusted.js": "try { document.body.innerHTML = '<p>x' } catch { }",
    "/throws.js": "setTimeout(() => { throw new Error('this page throws') })",
    "/says.js": "console.error('this page says an error')",
    "/overlapping.css": "p { margin: 0 0 -1em; white-space: nowrap } h1 { width: 3000px }",
    "/ringless.css": "button { outline: none }",
}


class Misbehaving(BaseHTTPRequestHandler):
    """Serve the pages above under the policy of the console."""

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        path = self.path.partition("?")[0]
        kind = {"js": "text/javascript", "css": "text/css"}.get(path.rpartition(".")[2], "text/html")
        known = path in PAGES or path in FILES
        head, body = PAGES.get(path, ("", ""))
        data = FILES.get(path, FRAME.format(head=head, body=body)).encode()
        self.send_response(200 if known else 404)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(data)), "Content-Security-Policy": POLICY,
        }.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Serve the pages above."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_good_page_passes(page: Page, origin: str) -> None:
    """A page that does nothing wrong settles, in axe's eyes too, and a key reaches its button."""
    page.goto(f"{origin}/good")
    axe(page)
    assert tab_to(page, page.locator("#go")) == ["a a link", "button #go"]


#: Path -> what its page does that no page may do.
MISDEEDS = {
    "/style": "refused by the policy: style-src-attr",
    "/inline": "refused by the policy: script-src-elem",
    "/eval": r"refused by the policy: require-trusted-types-for .*eval\.js",
    "/trusted": r"refused by the policy: require-trusted-types-for .*trusted\.js",
    "/throws": "script error: .*this page throws",
    "/says": "console error: this page says an error",
    "/missing": "console error: .*404.*/missing.js",
}


def test_a_page_that_misbehaves_fails_its_test(browser: Chromium, origin: str) -> None:
    """A refusal, a script error and a console error are each told, and end a test without any look at them."""
    with pytest.raises(AssertionError) as failed, browser.window() as (page, watch):
        for path, told in MISDEEDS.items():
            page.goto(f"{origin}{path}")
            until(lambda told=told: any(re.search(told, one) for one in watch.complaints()), what=told)
    for told in MISDEEDS.values():
        assert re.search(told, str(failed.value)), told


def test_a_refusal_counts_without_scripts(browser: Chromium, origin: str) -> None:
    """Where no script runs, the console tells of a refusal."""
    with (
        pytest.raises(AssertionError, match=r"console error: .*style"),
        browser.window(java_script_enabled=False) as (page, _),
    ):
        page.goto(f"{origin}/style")


def test_a_request_to_another_host_fails_its_test(browser: Chromium, origin: str) -> None:
    """Another host has no address here, and asking for it is told."""
    with pytest.raises(AssertionError, match=r"request to another host: GET http://elsewhere.example/x"):
        with browser.window() as (page, _):
            page.goto(f"{origin}/foreign")
            with pytest.raises(playwright.Error, match="ERR_NAME_NOT_RESOLVED"):
                page.goto("http://elsewhere.example/x")


def test_a_popup_is_watched_too(browser: Chromium, origin: str) -> None:
    """What a page opens belongs to its test."""
    with pytest.raises(AssertionError, match="this page throws"), browser.window() as (page, _):
        page.goto(f"{origin}/good")
        with page.expect_popup() as opened:
            page.evaluate("window.open('/throws')")
        opened.value.wait_for_load_state("networkidle")


def test_expected_errors_pass_and_others_do_not(open_page: OpenPage, guards: list[Guards], origin: str) -> None:
    """A declared console error is allowed, and no other with it."""
    page = open_page()
    (watch,) = guards
    page.goto(f"{origin}/missing")
    page.wait_for_load_state("networkidle")
    watch.expect_console_error(r"404 .*/other\.js$")
    assert [one for one in watch.complaints() if "/missing.js" in one]
    watch.expect_console_error(r"404 .*/missing\.js$")
    assert watch.complaints() == []


def test_axe_and_the_ring_fail(browser: Chromium, origin: str) -> None:
    """An unlabelled input, an image without a text and a button without a ring are each told."""
    with browser.window() as (page, _):
        page.goto(f"{origin}/unlabelled")
        with pytest.raises(AssertionError, match=r"(?s)image-alt \(critical\): img: .*label \(critical\): input: "):
            axe(page)
        page.goto(f"{origin}/ringless")
        with pytest.raises(AssertionError, match="nothing shows that button #go has the focus"):
            tab_to(page, page.locator("#go"))


def test_what_is_too_wide_or_lies_upon_another_text_is_told(browser: Chromium, origin: str) -> None:
    """Two paragraphs on one line, and a heading that is wider than the window, are each named."""
    with browser.window() as (page, _):
        page.goto(f"{origin}/good")
        assert (overlapping(page), too_wide(page)) == ([], [])
        page.goto(f"{origin}/overlapping")
        assert overlapping(page) == ["one text | another text"]
        assert "at 320 px: h1. " in too_wide(page)[0]


def test_asyncio_works_beside_the_browser(browser: Chromium, origin: str) -> None:
    """While no window is open, other code of this process runs loops of its own, and windows open again after it."""
    for _ in range(2):
        assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"
        with browser.window() as (page, _):
            page.goto(f"{origin}/good")
            with browser.window() as (other, _):
                other.goto(f"{origin}/good")
            assert page.title() == "a page"


def test_the_system_browser_comes_first(tmp_path: Path) -> None:
    """CHROME goes before a browser of the system, which goes before the unpacked one; without any the reason is told."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "unpacked").mkdir()
    look_in = {"PATH": str(tmp_path / "bin")}
    assert chromium.executable(look_in, tmp_path / "unpacked") is None
    for folder in ("unpacked", "bin"):
        program = tmp_path / folder / "chromium"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert chromium.executable(look_in, tmp_path / "unpacked") == program
    assert chromium.executable(look_in | {"CHROME": "/elsewhere"}, tmp_path) == Path("/elsewhere")
