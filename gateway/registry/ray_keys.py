"""Check the keys of routes whose model runs on a Ray cluster: its head, its token, and how many replicas."""

import re
from typing import Final

from gateway.registry.executor_keys import ExecutorKeys
from gateway.registry.values import Document, Entries, Entry, texts_of

_ADDRESS: Final = re.compile(r"([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_MOST_PORT: Final = 65_535


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
    for text in (text for one in entries.all_of("address") for text in texts_of(one.value)):
        found = _ADDRESS.fullmatch(text.raw)
        if found is None or not 0 < int(found[2]) <= _MOST_PORT:
            document.fault(
                text.span,
                "executor-address",
                f"'{text.raw}' is no address of the head of a cluster",
                expected="host and port",
                fix="address: 127.0.0.1:6379",
            )
    if "autoscale" in entries and "replicas" in entries:
        document.fault(
            entries["autoscale"].key,
            "replicas-twice",
            f"{what} has both 'replicas' and 'autoscale'",
            expected="a number of replicas, or the least and the most of them",
            fix="delete one of the two",
        )
