"""Check that a pickle is pinned, and that the pins of a route are as many as its files."""

import shlex
from collections.abc import Mapping
from typing import Any

from gateway.artifacts.mlflow_reference import is_reference
from gateway.registry.values import Document, Entries, texts_of


def check_pickle_pin(document: Document, entries: Entries, found: Mapping[str, Any]) -> None:
    """Note an opt-in for pickles without a pin."""
    artifact = found.get("artifact")
    if isinstance(artifact, str) and is_reference(artifact):
        return  # the digest of the copy that was resolved is the pin
    if found.get("allow_pickle") and entries.lacks("sha256"):
        document.fault(
            entries["allow_pickle"].key,
            "pickle-without-pin",
            "'allow_pickle' without a pin would run whatever replaces the file",
            expected="'sha256' beside it",
            fix=f"add `sha256:` with what `{_describe_line(entries)}` prints as sha256{_each(found)}",
        )


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
        fix="leave `sha256` out: the digest of the copy is the pin of a reference"
        if isinstance(artifact, str) and is_reference(artifact)
        else f"write what `{_describe_line(entries)}` prints as sha256{_each(found)}",
    )


def _describe_line(entries: Entries) -> str:
    """Return the command that prints the pins: it hashes folders as well, which `sha256sum` does not."""
    names = [] if entries.lacks("artifact") else [text.raw for text in texts_of(entries["artifact"].value)]
    return f"gateway describe {shlex.join(names) or 'ARTIFACT'}"


def _each(found: Mapping[str, Any]) -> str:
    return " of each file, as a list in their order" if isinstance(found.get("artifact"), tuple) else ""


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
