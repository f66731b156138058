"""
Fetch a key set in a process of its own: `python -m gateway.security.key_set_fetch URL` writes it to stdout.

Follows no redirect, and reads a bounded answer in a bounded time; stderr says why there is none.
"""

import sys
import urllib.error
import urllib.request
from typing import Any, Final

MOST_BYTES: Final = 512 * 1024
TIMEOUT_S: Final = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Take a redirect for an error: the address that keys.yaml names is the one that is trusted."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""
        return


def fetch(url: str) -> bytes:
    """Return the body at an address; raises OSError, ValueError."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - see token_settings
    with urllib.request.build_opener(_NoRedirect()).open(request, timeout=TIMEOUT_S) as answer:
        body: bytes = answer.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise ValueError(f"the answer has more than {MOST_BYTES:,} bytes")
    return body


def main() -> int:
    """Fetch the address of the command line; return the exit code."""
    try:
        sys.stdout.buffer.write(fetch(sys.argv[1]))
    except (OSError, ValueError) as error:
        print(str(error)[:200] or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
