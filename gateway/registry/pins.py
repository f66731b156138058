"""Check that the pins of a route are as many as its files."""

from collections.abc import Mapping
from typing import Any

from gateway.registry.values import Document, Entries


def check_pins(document: Document, entries: Entries, found: Mapping[str, Any]) -> None:
    """Note pins that are more or fewer than the files: each would stand for another file."""
    artifact, pins = found.get("artifact"), found["sha256"]
    files = len(artifact) if isinstance(artifact, tuple) else 1
    count = len(pins) if isinstance(pins, tuple) else 1
    if artifact is None or files == count:
        return
    wanted = "one pin" if files == 1 else f"a list of {files} pins, in the order of the files"
    document.fault(
        entries["sha256"].value.span,
        "pins-of-files",
        f"'sha256' has {_counted(count, 'pin')}, the artifact {_counted(files, 'file')}",
        expected=wanted,
        fix="write the first words that `sha256sum` prints for the files, in their order",
    )


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
