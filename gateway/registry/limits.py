"""Parse `limits` of a route or of `defaults`."""

from gateway.registry.checks import read_keys, section
from gateway.registry.keys import LIMIT_KEYS
from gateway.registry.limit_keys import LimitKeys
from gateway.registry.values import Document, Entries, Entry


def read_limits(document: Document, entry: Entry, where: str) -> LimitKeys:
    """Return the keys of one `limits`; notes a burst of no rate."""
    what = f"'limits' of {where}"
    entries = section(document, entry.value, what, "limits: {requests: 100/s}") or Entries()
    found = read_keys(document, entries, LIMIT_KEYS, what)
    if "burst" in entries and entries.lacks("requests"):
        document.fault(
            entries["burst"].key,
            "missing-key",
            f"{what} names a 'burst' and no 'requests'",
            expected="the rate that the burst is about",
            fix="add `requests: 100/s`",
        )
    return LimitKeys(**found)
