"""Parse `executor` of a route or of `defaults`: its kind, and the keys that this kind has."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.registry import files
from gateway.registry.checks import BAD, check, read_keys, section
from gateway.registry.executor_keys import KEYS_OF, ExecutorKeys, ExecutorKind
from gateway.registry.key_definition import Key
from gateway.registry.keys import EXECUTOR_KEYS
from gateway.registry.process_keys import check_pair
from gateway.registry.ray_keys import check_ray
from gateway.registry.values import Document, Entries, Entry, texts_of
from gateway.system.server_address import address_of
from gateway.system.suggest import listing, nearest

#: Keys that name a file -> the fault where it is absent.
_FILES: Final = (("headers_from", "headers-missing"), ("ca", "ca-missing"), ("token", "token-missing"))
_EXAMPLE: Final = "executor: {kind: process, requirements: models/name/requirements.txt}"


def read_executor(document: Document, entry: Entry, where: str) -> ExecutorKeys:
    """Return the keys of `executor`, a bare text being its kind; notes keys that its kind does not have."""
    what = f"'executor' of {where}"
    if isinstance(entry.value.data, str):
        kind, entries = check(document, EXECUTOR_KEYS["kind"], entry.value), Entries()
        found = {} if kind is BAD else {"kind": kind}
        is_bad, raw = kind is BAD, entry.value.raw
    else:
        entries = section(document, entry.value, what, _EXAMPLE) or Entries()
        found = read_keys(document, entries, _keys(entries), what)
        is_bad, raw = "kind" in entries and "kind" not in found, entries["kind"].value.raw if "kind" in entries else ""
    if is_bad:
        # The fault of the kind is to be the only one: the rules of the kind that was meant hold, or none.
        meant = next((kind for kind in KEYS_OF if kind == nearest(raw, KEYS_OF)), _owner(entries))
        if meant is None:
            return ExecutorKeys(**found)
        found["kind"] = meant
    keys = ExecutorKeys(**found)
    _check(document, entry, entries, keys, what)
    return keys


def _keys(entries: Entries) -> Mapping[str, Key]:
    """Return the known keys; the kind whose keys stand there is the first choice, which the fix names."""
    owner, kind = _owner(entries), EXECUTOR_KEYS["kind"]
    if owner is None:
        return EXECUTOR_KEYS
    return {**EXECUTOR_KEYS, "kind": replace(kind, choices=tuple(dict.fromkeys((owner, *kind.choices))))}


def _owner(entries: Entries) -> ExecutorKind | None:
    """Return the one kind that has keys among these; None where several have, or none has."""
    owners = [kind for kind, names in KEYS_OF.items() if any(name in entries for name in names)]
    return owners[0] if len(owners) == 1 else None


def _check(document: Document, entry: Entry, entries: Entries, keys: ExecutorKeys, what: str) -> None:
    """Note keys of another kind, and what its own kind lacks."""
    kind = keys.kind
    for name, one in entries.every():
        owner = next((of for of, names in KEYS_OF.items() if name in names), kind)
        if owner != kind and name not in KEYS_OF[kind]:
            document.fault(
                one.key,
                "executor-key",
                f"'{name}' is a key of kind '{owner}', and {what} is of kind '{kind}'",
                expected=listing(KEYS_OF[kind]) if KEYS_OF[kind] else "no key beside 'kind'",
                fix=f"kind: {owner}",
            )
    check_pair(document, entries, what)
    check_ray(document, entry, entries, keys, what)
    if kind == "upstream" and entries.lacks("url"):
        document.fault(
            entries["kind"].key if "kind" in entries else entry.value.span,
            "missing-key",
            f"{what} names no 'url'",
            expected="the address of a server that speaks the Open Inference Protocol",
            fix="executor: {kind: upstream, url: http://localhost:8000}",
        )
    for url in (url for one in entries.all_of("url") for url in texts_of(one.value)):
        try:
            address_of(url.raw)
        except ValueError as error:
            document.fault(
                url.span,
                "executor-url",
                f"'{url.raw}' is no address of a model server: {error}",
                expected="scheme, host and port",
                fix="write it like http://triton:8000",
            )


def check_files(document: Document, entries: Entries, base: Path) -> None:
    """Note files of an executor that are absent; serving leaves them to the route."""
    for one in entries.all_of("executor"):
        keys = one.value.data
        for name, code in _FILES:
            for file in (text for key in _of(keys, name) for text in texts_of(key.value)):
                files.check_file(document, base, file.raw, file.span, code)


def _of(keys: object, name: str) -> list[Entry]:
    return list(keys.all_of(name)) if isinstance(keys, Entries) else []


def note_artifact(document: Document, entries: Entries, path: str) -> None:
    """Note keys about an artifact where the model is on a server elsewhere."""
    for name in ("artifact", "loader", "sha256", "allow_pickle", "accept_version", "steps"):
        for one in entries.all_of(name):
            document.fault(
                one.key,
                "executor-artifact",
                f"'{name}' is about a file, and the model of route '{path}' is on another server (executor: upstream)",
                expected="no such key, or another executor",
                fix="delete it",
            )
