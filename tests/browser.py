"""
Drive a real Chromium through its WebDriver, which speaks JSON over HTTP. States no law of its own.

Debian: apt-get install chromium chromium-driver; elsewhere CHROME and CHROMEDRIVER may name the two programs.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import serving

#: How WebDriver marks a reference to an element.
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
#: Nothing that a fresh profile does on its own; root may not use the sandbox.
_QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)


def _program(variable: str, *names: str) -> str | None:
    return os.environ.get(variable) or next((path for name in names if (path := shutil.which(name))), None)


CHROME = _program("CHROME", "chromium", "chromium-browser", "google-chrome", "chrome")
DRIVER = _program("CHROMEDRIVER", "chromedriver", "chromium.chromedriver")


def lacking() -> str:
    """Return why there can be no browser here; nothing when there can."""
    missing = [name for name, path in (("chromium", CHROME), ("chromedriver", DRIVER)) if path is None]
    return f"no {' and no '.join(missing)} found: apt-get install chromium chromium-driver" if missing else ""


class Browser:
    """One window; made by `browsing`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""

    def open_window(self, profile: Path, width: int) -> None:
        """Start the browser itself."""
        arguments = [*_QUIET.split(), f"--user-data-dir={profile}", f"--window-size={width},1400"]
        options = {"args": arguments, "binary": CHROME}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def close_window(self) -> None:
        """End the browser."""
        self._call("DELETE", f"/{self._session}")

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, f"/session{path}", None if value is None else json.dumps(value))
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{method} {path}: {answer['error']}: {answer['message']}")
        return answer

    def go(self, address: str) -> None:
        """Load a page."""
        self._call("POST", f"/{self._session}/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self._call("POST", f"/{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def _find(self, selector: str) -> str:
        found = self._call("POST", f"/{self._session}/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def click(self, selector: str) -> None:
        """Click in the middle of an element, which must be visible and not covered."""
        self._call("POST", f"/{self._session}/element/{self._find(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        """Replace what stands in an input by keys."""
        path = f"/{self._session}/element/{self._find(selector)}"
        self._call("POST", f"{path}/clear", {})
        self._call("POST", f"{path}/value", {"text": text})

    def text(self, selector: str) -> str:
        """Return the visible text of an element; nothing while there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def complaints(self) -> list[str]:
        """Return what the console holds: script errors, refusals by policy, failed loads."""
        return [line["message"] for line in self._call("POST", f"/{self._session}/se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        """Save the window as PNG."""
        path.write_bytes(b64decode(self._call("GET", f"/{self._session}/screenshot")))


@contextlib.contextmanager
def browsing(folder: Path, width: int) -> Iterator[Browser]:
    """Run a browser with a profile of its own for the length of the block; no process outlives it."""
    assert DRIVER is not None
    port = serving.free_port()
    with (folder / "driver.log").open("wb") as log:
        driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=log, stderr=log, start_new_session=True)
    try:
        browser = Browser(port)
        serving.until(lambda: _listens(port), what="the driver")
        browser.open_window(folder / "profile", width)
        yield browser
        browser.close_window()
    finally:
        # The browser is in the session of its driver: whatever happened, both end here.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
        driver.wait(timeout=10)


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/status")
        return bool(json.loads(connection.getresponse().read())["value"]["ready"])
    except OSError:
        return False
    finally:
        connection.close()
