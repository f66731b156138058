"""Read what `server` bounds: the folders that files of routes lie below, and the places that connections lead to."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.artifacts.mlflow_reference import is_reference
from gateway.artifacts.roots import lies_below
from gateway.artifacts.source_files import split_entry
from gateway.registry.executor_keys import LOCAL
from gateway.registry.report import Span
from gateway.registry.values import Document, Entries, Entry, Value, texts_of
from gateway.system.egress import Egress, refusal_of_server, rule_of
from gateway.system.server_address import address_of
from gateway.system.suggest import listing

#: Keys of a route, of its plot and of its executor that name a file or folder.
_OF_ROUTE = ("artifact", "golden", "card")
_OF_PLOT = ("file",)
_OF_EXECUTOR = ("headers_from", "ca", "jar", "requirements", "environment", "token", "artifacts")


def read_roots(document: Document, entry: Entry, base: Path) -> tuple[str, ...]:
    """Return the folders of `artifact_roots` as absolute paths; notes an empty list, which would bound nothing."""
    texts = texts_of(entry.value)
    if isinstance(entry.value.data, list) and not texts:
        _note_empty(document, entry, "artifact_roots", "artifact_roots: [models]")
    return tuple(os.path.normpath(base / text.raw) for text in texts)


def read_egress(document: Document, entry: Entry) -> tuple[str, ...]:
    """Return the entries of `egress_allow`; notes those that are none."""
    texts = texts_of(entry.value)
    if isinstance(entry.value.data, list) and not texts:
        _note_empty(document, entry, "egress_allow", "egress_allow: [triton:8000, 10.0.0.0/8]")
    return tuple(text.raw for text in texts if _is_rule(document, text))


def _note_empty(document: Document, entry: Entry, name: str, example: str) -> None:
    document.fault(
        entry.value.span,
        "empty-bound",
        f"'{name}' is an empty list, which would bound nothing",
        expected="at least one entry, or no such key",
        fix=example,
    )


def _is_rule(document: Document, text: Value) -> bool:
    try:
        rule_of(text.raw)
    except ValueError as error:
        document.fault(
            text.span,
            "bad-egress",
            f"'{text.raw}' cannot stand in 'egress_allow': {error}",
            expected="a host, an address, a network or the path of a Unix socket",
            fix="egress_allow: [triton:8000, 10.0.0.0/8]",
        )
        return False
    return True


def check_egress(document: Document, entries: Entries, kind: str, allowed: Sequence[str]) -> None:
    """Note addresses in `executor` that `egress_allow` does not hold; those of names are judged once more later."""
    egress = Egress(allowed)
    for span, text, place in _places(entries, kind) if allowed else ():
        try:
            refusal = refusal_of_server(address_of(place), egress)
        except ValueError:  # noted already
            continue
        if refusal is not None:
            document.fault(
                span,
                "egress-refused",
                f"'{text}' may not be asked: {refusal}",
                expected=f"one of {listing(allowed)}",
                fix="name another server, or add this one to `server.egress_allow`",
            )


def _places(entries: Entries, kind: str) -> Iterator[tuple[Span, str, str]]:
    """Return where `executor` leads: where that is written, as what, and as a URL; the usual address counts, too."""
    for one in entries.all_of("executor"):
        keys = one.value.data if isinstance(one.value.data, Entries) else Entries()
        yield from ((text.span, text.raw, text.raw) for text in _texts(keys, ("url",)))
        yield from ((text.span, text.raw, f"http://{text.raw}") for text in _texts(keys, ("address",)))
        yield from ((text.span, text.raw, text.raw) for text in _texts(keys, ("artifacts",)) if "://" in text.raw)
        if kind == "ray" and "address" not in keys:
            yield one.value.span, LOCAL.address, f"http://{LOCAL.address}"


def check_roots(document: Document, base: Path, entries: Entries, roots: Sequence[str]) -> None:
    """Note files that lie below none of the roots, links resolved; serving leaves them to the route."""
    folders = [Path(root) for root in roots]
    for text in _named(entries) if folders else ():
        named = Path(split_entry(text.raw)[0])
        path = base / named
        if not is_reference(text.raw) and "://" not in text.raw and not lies_below(path, folders):
            place = os.path.realpath(path) if named.is_absolute() else _relative(path, base)
            document.fault(
                text.span,
                "outside-roots",
                f"'{text.raw}' leads to {place}, which lies below none of 'artifact_roots'",
                expected=f"a path below {listing([_relative(root, base) for root in folders])}",
                fix="put the file there, or add its folder to `server.artifact_roots`",
            )


def _relative(path: Path, base: Path) -> str:
    return os.path.relpath(os.path.realpath(path), os.path.realpath(base))


def _named(entries: Entries) -> Iterator[Value]:
    yield from _texts(entries, _OF_ROUTE)
    for plot in _inner(entries, "plot"):
        yield from _texts(plot, _OF_PLOT)
    for executor in _inner(entries, "executor"):
        yield from _texts(executor, _OF_EXECUTOR)
        yield from (text for text in _texts(executor, ("python",)) if "/" in text.raw)  # else a version


def _inner(entries: Entries, name: str) -> Iterator[Entries]:
    yield from (one.value.data for one in entries.all_of(name) if isinstance(one.value.data, Entries))


def _texts(entries: Entries, names: Sequence[str]) -> Iterator[Value]:
    yield from (text for name in names for entry in entries.all_of(name) for text in texts_of(entry.value))
