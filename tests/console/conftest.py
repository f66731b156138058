"""A browser for this folder, a fresh window for each test, and guards that fail every test whose page misbehaves."""

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from console import chromium
from console.guards import Guards

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: A folder for screenshots; without it `look` saves none.
PICTURES: Final = os.environ.get("CONSOLE_PICTURES", "")
#: Generous, for a busy machine: a wait ends as soon as the event comes.
WAIT_MS: Final = 20_000
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Chromium:
    """One running browser; its event loop is seen by asyncio only while a window is open."""

    def __init__(self, browser: "Browser", loop: asyncio.AbstractEventLoop) -> None:
        self._browser = browser
        self._loop = loop

    @contextmanager
    def using(self) -> Iterator["Browser"]:
        """Let Playwright run: between its calls it leaves its loop marked as running, which breaks asyncio of others."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            yield self._browser
        finally:
            asyncio._set_running_loop(before)

    @contextmanager
    def window(self, **options: Any) -> Iterator[tuple["Page", Guards]]:
        """Open a window without history, whatever happens in it is watched; `options` are those of a Playwright context."""
        given = {"viewport": {"width": 1280, "height": 900}, "locale": "de-DE", "service_workers": "block", **options}
        with self.using() as browser:
            context = browser.new_context(**given)
            try:
                context.set_default_timeout(WAIT_MS)
                guards = Guards(context)
                page = context.new_page()
                yield page, guards
                guards.settle()
            finally:
                context.close()


# Of the package: later files of the same process look at their own children and loops, and find nothing of ours.
@pytest.fixture(scope="package")
def browser() -> Iterator[Chromium]:
    """Start the browser of this process; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here (dev)")
    program = chromium.executable()
    if program is None:
        pytest.skip(chromium.lacking())
    api.expect.set_options(timeout=WAIT_MS)
    driver = api.sync_playwright().start()
    loop = asyncio.get_running_loop()
    try:
        started = driver.chromium.launch(
            executable_path=program, args=list(chromium.ARGUMENTS), env=chromium.environment(program)
        )
        asyncio._set_running_loop(None)
        yield Chromium(started, loop)
    finally:
        asyncio._set_running_loop(loop)
        driver.stop()
        asyncio._set_running_loop(None)


class OpenPage(Protocol):
    """Open a further guarded page with options of a Playwright context."""

    def __call__(self, **options: Any) -> "Page": ...


@pytest.fixture
def guards() -> list[Guards]:
    """Return the guards of all windows of this test, the first one first."""
    return []


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Chromium, guards: list[Guards]) -> Iterator[OpenPage]:
    """Return a function that opens windows; each is guarded, and closed at the end of the test."""
    # Begun before, they end after: an open page asks every few seconds, and what has stopped would refuse it.
    for server in {"gateway", "proxy"} & set(request.fixturenames):
        request.getfixturevalue(server)
    with ExitStack() as stack:

        def opened(**options: Any) -> "Page":
            page, watch = stack.enter_context(browser.window(**options))
            guards.append(watch)
            return page

        yield opened


@pytest.fixture
def page(open_page: OpenPage) -> "Page":
    """Return a page 1280 px wide, in light colours, of a person whose browser speaks German."""
    return open_page(color_scheme="light")


@pytest.fixture
def dark_page(open_page: OpenPage) -> "Page":
    """Return a page in dark colours."""
    return open_page(color_scheme="dark")


@pytest.fixture
def phone_page(open_page: OpenPage) -> "Page":
    """Return a page on a phone, 390 px wide."""
    return open_page(**PHONE)


@pytest.fixture
def no_script_page(open_page: OpenPage) -> "Page":
    """Return a page whose scripts do not run."""
    return open_page(java_script_enabled=False)


@pytest.fixture
def expect_console_error(guards: list[Guards]) -> Callable[[str], None]:
    """Return a function that allows console errors of this test, on the pages that are open, by a pattern."""

    def expect(pattern: str) -> None:
        assert guards, "open the page first"
        for watch in guards:
            watch.expect_console_error(pattern)

    return expect


@pytest.fixture
def look() -> Callable[..., None]:
    """Return a function that saves a screenshot of the whole page where CONSOLE_PICTURES names a folder."""

    def save(page: "Page", name: str, *, whole: bool = True) -> None:
        if PICTURES:
            folder = Path(PICTURES)
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower()).strip('-')}.png"
            page.screenshot(path=path, full_page=whole, animations="disabled")

    return save
