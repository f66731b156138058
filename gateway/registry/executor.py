"""Parse `executor` of a route or of `defaults`: its kind, and the keys that this kind has."""

from collections.abc import Iterator
from typing import Final

from gateway.registry.checks import BAD, check, read_keys, section
from gateway.registry.executor_keys import AVAILABLE, KEYS_OF, LOCAL, ExecutorKeys
from gateway.registry.keys import EXECUTOR_KEYS
from gateway.registry.values import Document, Entries, Entry
from gateway.system.suggest import listing

_EXAMPLE: Final = "executor: {kind: process, requirements: models/name/requirements.txt}"


def read_executor(document: Document, entry: Entry, where: str) -> ExecutorKeys:
    """Return the keys of `executor`, a bare text being its kind; notes keys that its kind does not have."""
    what = f"'executor' of {where}"
    if isinstance(entry.value.data, str):
        kind = check(document, EXECUTOR_KEYS["kind"], entry.value)
        found, entries = ({} if kind is BAD else {"kind": kind}), Entries()
    else:
        entries = section(document, entry.value, what, _EXAMPLE) or Entries()
        found = read_keys(document, entries, EXECUTOR_KEYS, what)
    keys = ExecutorKeys(**found)
    if not set(_faults(document, entry, entries, keys, what)):
        return keys
    return LOCAL


def _faults(document: Document, entry: Entry, entries: Entries, keys: ExecutorKeys, what: str) -> Iterator[str]:
    """Note and yield the code of each fault."""
    kind = keys.kind
    if kind not in AVAILABLE:
        document.fault(
            entries["kind"].value.span if "kind" in entries else entry.value.span,
            "not-available",
            f"executor '{kind}' is not available yet",
            expected=listing(AVAILABLE),
            fix="delete it",
        )
        yield "not-available"
        return
    for name, one in entries.every():
        owner = next((of for of, names in KEYS_OF.items() if name in names), kind)
        if owner != kind:
            document.fault(
                one.key,
                "executor-key",
                f"'{name}' is a key of kind '{owner}', and {what} is of kind '{kind}'",
                expected=listing(KEYS_OF[kind]) if KEYS_OF[kind] else "no key beside 'kind'",
                fix=f"kind: {owner}" if owner in AVAILABLE else "delete it",
            )
            yield "executor-key"
