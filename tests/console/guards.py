"""
What no page may do, whatever a test looks at: `Guards` collect it, and `settle` fails the test.

Four things are collected: refusals by the page's own policy, script errors, errors on the console, requests to others.
"""

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

_TELL: Final = "__tellRefusal"
#: Runs before any script of the page, in each frame, and reports through a binding: a list would not outlive the page.
_LISTEN: Final = f"""
addEventListener('securitypolicyviolation', event => window.{_TELL}(
    `${{event.effectiveDirective}} refuses ${{event.blockedURI}} at ${{event.sourceFile}}:${{event.lineNumber}}`
    + ` (${{event.sample}}) on ${{event.documentURI}}`))
"""
#: Hosts of the pages under test, and schemes that ask nobody.
_HOST: Final = "127.0.0.1"
_OWN_SCHEMES: Final = frozenset({"data", "blob", "about"})


class Guards:
    """Watch every page of one browser context."""

    def __init__(self, context: "BrowserContext") -> None:
        self._context = context
        self._refused: list[str] = []
        self._script_errors: list[str] = []
        self._console_errors: list[str] = []
        self._foreign: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        #: Every request of the context, as sent.
        self.requests: list[Request] = []
        context.expose_function(_TELL, self._on_refusal)
        context.add_init_script(_LISTEN)
        context.on("weberror", self._on_script_error)
        context.on("console", self._on_console)
        context.on("request", self._on_request)

    def expect_console_error(self, pattern: str) -> None:
        """Allow console errors that a pattern is found in: `<text> <address>`; a 4xx answer to a fetch is one."""
        self._expected.append(re.compile(pattern))

    def complaints(self) -> list[str]:
        """Return everything that went wrong up to now, in words."""
        self._flush()
        unexpected = [one for one in self._console_errors if not any(known.search(one) for known in self._expected)]
        kinds: dict[str, list[str]] = {
            "refused by the policy": self._refused,
            "script error": self._script_errors,
            "console error": unexpected,
            "request to another host": self._foreign,
        }
        return [f"{kind}: {told}" for kind, lines in kinds.items() for told in lines]

    def settle(self) -> None:
        """Fail on anything that went wrong."""
        complaints = self.complaints()
        assert not complaints, "\n".join(["the page did what no page may do:", *complaints])

    def _flush(self) -> None:
        # Events are delivered while a call waits: one round trip to each page brings what is under way.
        for page in self._context.pages:
            if not page.is_closed():
                page.title()

    def _on_refusal(self, told: str) -> None:
        self._refused.append(told)

    def _on_script_error(self, error: "WebError") -> None:
        self._script_errors.append(f"{error.error.stack or error.error.message}")

    def _on_console(self, message: "ConsoleMessage") -> None:
        if message.type == "error":
            self._console_errors.append(f"{message.text} {message.location.get('url', '')}".strip())

    def _on_request(self, request: "Request") -> None:
        self.requests.append(request)
        address = urlsplit(request.url)
        if address.scheme not in _OWN_SCHEMES and address.hostname != _HOST:
            self._foreign.append(f"{request.method} {request.url}")


def size_on_the_wire(request: "Request") -> int:
    """Return the bytes of an answer as they were sent: head and body, compressed."""
    sizes: Any = request.sizes()
    return int(sizes["responseHeadersSize"] + sizes["responseBodySize"])
