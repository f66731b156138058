"""Parse `limits` of a route, of `defaults` or of `server`."""

from collections.abc import Mapping
from typing import Any

from gateway.registry.checks import read_keys, section
from gateway.registry.key_definition import Key
from gateway.registry.keys import LIMIT_KEYS, REQUEST_LIMIT_KEYS
from gateway.registry.limit_keys import LimitKeys, RequestLimitKeys
from gateway.registry.values import Document, Entries, Entry


def read_limits(document: Document, entry: Entry, where: str) -> LimitKeys:
    """Return the keys of the `limits` of a route; notes a burst of no rate."""
    return LimitKeys(**_read(document, entry, LIMIT_KEYS, where))


def read_request_limits(document: Document, entry: Entry, where: str) -> RequestLimitKeys:
    """Return the keys of the `limits` of what has no rows; notes a burst of no rate."""
    return RequestLimitKeys(**_read(document, entry, REQUEST_LIMIT_KEYS, where))


def _read(document: Document, entry: Entry, keys: Mapping[str, Key], where: str) -> dict[str, Any]:
    what = f"'limits' of {where}"
    entries = section(document, entry.value, what, "limits: {requests: 100/s}") or Entries()
    found = read_keys(document, entries, keys, what)
    if "burst" in entries and entries.lacks("requests"):
        document.fault(
            entries["burst"].key,
            "missing-key",
            f"{what} names a 'burst' and no 'requests'",
            expected="the rate that the burst is about",
            fix="add `requests: 100/s`",
        )
    return found
