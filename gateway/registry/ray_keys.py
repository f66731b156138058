"""Check the keys of routes whose model runs on a Ray cluster: its head, its token, and how many replicas."""

import re
from typing import Final
from urllib.parse import urlsplit

from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.values import Document, Entries, Entry, Value, texts_of
from gateway.system.server_address import refusal_of

_ADDRESS: Final = re.compile(r"([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_MOST_PORT: Final = 65_535


def _texts(entries: Entries, name: str) -> list[Value]:
    return [text for one in entries.all_of(name) for text in texts_of(one.value)]


def _fault_of_address(text: str) -> str | None:
    """Return what is wrong with the address of a head, "" where it has no such form."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not 0 < int(found[2]) <= _MOST_PORT:
        return ""
    reason = refusal_of(found[1].strip("[]"))
    return None if reason is None else f": {reason}"


def _fault_of_url(text: str) -> str | None:
    """Return why nodes do not fetch from a URL; folders are looked at while preparing."""
    if "://" not in text:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return "they read http, https and folders"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "it has a password, a query or a fragment, which would stand in manifests and logs"
    return refusal_of(host) if host else "it names no host"


def check_ray(document: Document, entry: Entry, entries: Entries, keys: ExecutorKeys, what: str) -> None:
    """Note what a section of kind ray lacks, an address that is none, and two numbers of replicas."""
    if keys.kind != "ray":
        return
    if entries.lacks("token"):
        document.fault(
            entries["kind"].key if "kind" in entries else entry.value.span,
            "missing-key",
            f"{what} names no 'token'",
            expected="the file of the token of the cluster: without one, whoever reaches its ports runs code on it",
            fix="executor: {kind: ray, token: .gateway/cluster/token}",
        )
    for text in _texts(entries, "address"):
        if (reason := _fault_of_address(text.raw)) is not None:
            document.fault(
                text.span,
                "executor-address",
                f"'{text.raw}' is no address of the head of a cluster{reason}",
                expected="host and port",
                fix="address: 127.0.0.1:6379",
            )
    for text in _texts(entries, "artifacts"):
        if (reason := _fault_of_url(text.raw)) is not None:
            document.fault(
                text.span,
                "executor-artifacts",
                f"'{text.raw}' is no place that nodes read models from: {reason}",
                expected="a folder that all nodes share, or a URL of a file server",
                fix="artifacts: http://files:8000/models",
            )
    if "autoscale" in entries and "replicas" in entries:
        document.fault(
            entries["autoscale"].key,
            "replicas-twice",
            f"{what} has both 'replicas' and 'autoscale'",
            expected="a number of replicas, or the least and the most of them",
            fix="delete one of the two",
        )
