"""Check the keys that only routes of Python code have: `files` and `trial`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.artifacts.code_listing import entry_file, listed, matches
from gateway.errors import ArtifactError
from gateway.registry.values import Document, Entries, texts_of


def check_keys(document: Document, entries: Entries, found: Mapping[str, Any], kind: str) -> None:
    """
    Note keys of Python routes at other routes, and golden rows that the route forbids to score.

    A model in a process of its own (`kind`) may need files, and be called like code.
    """
    if found["loader"] not in {"python", ""} and kind != "process":
        for name in ("files", "trial"):
            if name in entries:
                document.fault(
                    entries[name].key,
                    "python-only",
                    f"'{name}' is a key of Python routes, and the loader of this one is '{found['loader']}'",
                    expected="an artifact that is a .py file or a folder of them",
                    fix="delete it",
                )
    if found.get("trial") == "off" and "golden" in found:
        document.fault(
            entries["trial"].value.span,
            "golden-without-trial",
            "golden rows are scored by calling the function, which 'trial' forbids",
            expected="`trial: golden`, or no golden rows",
            fix="trial: golden",
        )


def check_listed(document: Document, base: Path, place: Path, entries: Entries) -> tuple[Path, set[Path]]:
    """Return the file to execute and the further files of a Python route; notes patterns that no file matches."""
    patterns = []
    for text in (text for entry in entries.all_of("files") for text in texts_of(entry.value)):
        try:
            if matches(base, place, text.raw):
                patterns.append(text.raw)
                continue
        except ArtifactError as error:
            document.fault(text.span, error.code, f"{error.message} (named by '{text.raw}')", fix=error.hint)
            continue
        document.fault(
            text.span,
            "files-missing",
            f"no file is named '{text.raw}'",
            expected="files, from the folder of the code or from that of the registry",
            fix="correct the path, or delete it",
        )
    code = entry_file(place)
    if code is None:
        return place, set()
    try:
        return code, listed(base, place, patterns) - {code}
    except ArtifactError as error:
        document.fault(entries["artifact"].key, error.code, error.message, fix=error.hint)
        return code, set()
