"""
Fetch a key set in a process of its own, and write it to stdout.

`python -m gateway.security.key_set_fetch URL` asks its address, `... --issuer ISSUER` asks the issuer for that first.
Follows no redirect, and reads a bounded answer in a bounded time; stderr says why there is none.
"""

import http.client
import json
import sys
import urllib.error
import urllib.request
from typing import Any, Final

from gateway.security.token_settings import discovery_address, is_on_loopback, is_safe_address

MOST_BYTES: Final = 512 * 1024
TIMEOUT_S: Final = 10.0
ISSUER: Final = "--issuer"


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


def key_set_address(issuer: str) -> str:
    """Return where an issuer says that its key set is; raises OSError, ValueError."""
    body = fetch(discovery_address(issuer))
    try:
        told = json.loads(body)
        named, address = told["issuer"], told["jwks_uri"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("the configuration of the issuer is no JSON with issuer and jwks_uri") from None
    if named != issuer:
        raise ValueError(f"the configuration is that of another issuer: {str(named)[:100]!r}")
    # An issuer elsewhere names no address of this machine.
    if not (isinstance(address, str) and is_safe_address(address)) or (
        is_on_loopback(address) and not is_on_loopback(issuer)
    ):
        raise ValueError(f"jwks_uri of the configuration is no https address: {str(address)[:100]!r}")
    return address


def main() -> int:
    """Fetch what the command line names; return the exit code."""
    try:
        asked = sys.argv[-1]
        sys.stdout.buffer.write(fetch(key_set_address(asked) if ISSUER in sys.argv else asked))
    except (OSError, ValueError, http.client.HTTPException) as error:
        told = error.reason if type(error) is urllib.error.URLError else error  # an HTTPError says more itself
        print(str(told)[:200] or type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
