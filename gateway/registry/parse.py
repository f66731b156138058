"""Parse a document into a RegistrySpec: top level, `defaults`, `server`, and all `routes`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.registry.bounds import read_egress, read_roots
from gateway.registry.checks import read_keys, section
from gateway.registry.executor import read_executor
from gateway.registry.keys import DEFAULTS_KEYS, ROUTE_KEYS, SERVER_KEYS, TOP_KEYS
from gateway.registry.limits import read_limits, read_request_limits
from gateway.registry.paths import Taken, check_root_path
from gateway.registry.reading import read_reading
from gateway.registry.reading_keys import STRICT
from gateway.registry.route import RouteReader
from gateway.registry.server_keys import ServerSpec
from gateway.registry.spec import RegistrySpec
from gateway.registry.values import Document, Entries, Entry, texts_of
from gateway.registry.wording import kind_of
from gateway.system.suggest import listing

_ORIGIN = re.compile(r"\*|https?://[^/\s?#]+")


def parse_registry(document: Document, base: Path, *, files: bool = False, root_path: str = "") -> RegistrySpec:
    """
    Return the spec of a whole document; relative paths start from `base`, an absolute folder.

    Raises RegistryError with every fault. `files` also checks that artifacts exist and match their pins, `root_path`
    that no path is below it in two ways.
    """
    top = section(document, document.root, "the registry", "start with `version: 1` and `routes:`")
    if top is None:  # a list or a text: nothing of it is what it should be
        document.finish()
        top = Entries()
    read_keys(document, top.without({"version"}), TOP_KEYS, "the registry")
    _version(document, top)
    # Repeated sections are all read, so that none hides a fault; the first counts.
    defaults, *_ = [_defaults(document, entry) for entry in top.all_of("defaults")] or [{}]
    servers = [_server(document, entry, base) for entry in top.all_of("server")] or [ServerSpec()]
    reading = next((one.reading for one in servers if one.reading != STRICT), STRICT)
    taken = Taken()
    reader = RouteReader(
        document=document,
        base=base,
        taken=taken,
        defaults=defaults,
        files=files,
        reading=reading,
        server=next((one for one in servers if one.artifact_roots or one.egress_allow), servers[0]),
    )
    for entries in (entry.value.data for entry in top.all_of("defaults")):
        if isinstance(entries, Entries):
            reader.check_defaults(entries)
    specs = [spec for entries in _routes(document, top) for spec in reader.read_all(entries)]
    check_root_path(document, taken, root_path)
    document.finish()
    return RegistrySpec(routes=tuple(specs), server=servers[0])


def _version(document: Document, top: Entries) -> None:
    if top.lacks("version"):
        document.fault(
            None, "missing-version", "has no 'version'", expected="version: 1", fix="write `version: 1` first"
        )
    for value in (entry.value for entry in top.all_of("version")):
        if not value.is_unreadable and (value.data != 1 or isinstance(value.data, bool)):
            document.fault(
                value.span,
                "unknown-version",
                f"version is {kind_of(value.data)}",
                expected="1: the only version of this format",
                fix="version: 1",
            )


def _defaults(document: Document, entry: Entry) -> dict[str, Any]:
    entries = section(document, entry.value, "'defaults'", "defaults: {timeout_s: 5}") or Entries()
    of_routes = set(ROUTE_KEYS) - set(DEFAULTS_KEYS)
    for name, one in entries.every():
        if name in of_routes:
            document.fault(
                one.key,
                "no-default",
                f"'{name}' cannot be set for all routes",
                expected=listing(sorted(DEFAULTS_KEYS)),
                fix=f"move '{name}' into the routes that need it",
            )
    found = read_keys(document, entries.without(of_routes), DEFAULTS_KEYS, "'defaults'")
    for one in entries.all_of("executor"):
        found.setdefault("executor", read_executor(document, one, "'defaults'"))
    for one in entries.all_of("limits"):
        found.setdefault("limits", read_limits(document, one, "'defaults'"))
    return found


def _server(document: Document, entry: Entry, base: Path) -> ServerSpec:
    entries = section(document, entry.value, "'server'", "server: {max_body_size: 32MiB}") or Entries()
    found = read_keys(document, entries, SERVER_KEYS, "'server'")
    for origin in (text for cors in entries.all_of("cors") for text in texts_of(cors.value)):
        if not _ORIGIN.fullmatch(origin.raw):
            document.fault(
                origin.span,
                "bad-origin",
                f"'{origin.raw}' is not an origin",
                expected="scheme://host or scheme://host:port, no path, or '*'",
                fix="cors: [https://app.example.org]",
            )
    for one in entries.all_of("reading"):
        found.setdefault("reading", read_reading(document, one, "'server'", STRICT))
    for one in entries.all_of("artifact_roots"):
        found["artifact_roots"] = read_roots(document, one, base)
    for one in entries.all_of("egress_allow"):
        found["egress_allow"] = read_egress(document, one)
    for one in entries.all_of("limits"):
        found.setdefault("limits", read_request_limits(document, one, "'server'"))
    return ServerSpec(**found)


def _routes(document: Document, top: Entries) -> Iterator[Entries]:
    if top.lacks("routes"):
        document.fault(
            None,
            "missing-routes",
            "has no 'routes'",
            expected="routes: path -> model",
            fix="write `routes:`, then `gateway add ARTIFACT --route /name`",
        )
    for entry in top.all_of("routes"):
        yield section(document, entry.value, "'routes'", "routes: {/name: models/name/model.onnx}") or Entries()
