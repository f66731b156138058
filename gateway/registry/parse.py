"""A document -> RegistrySpec: the top level, `defaults`, `server`, and the walk over `routes`."""

import re
from pathlib import Path
from typing import Any

from gateway.registry.checks import read_keys, section
from gateway.registry.keys import DEFAULTS_KEYS, ROUTE_KEYS, SERVER_KEYS, TOP_KEYS
from gateway.registry.paths import Taken
from gateway.registry.route import RouteReader
from gateway.registry.spec import RegistrySpec, ServerSpec
from gateway.registry.values import Document, Entry
from gateway.registry.wording import kind_of
from gateway.system.suggest import listing

_ORIGIN = re.compile(r"\*|https?://[^/\s?#]+")


def parse_registry(document: Document, base: Path, *, files: bool = False) -> RegistrySpec:
    """
    Return the spec of a whole document; relative paths start from `base`, an absolute folder.

    Raises RegistryError with every fault. `files` also demands that artifacts are there and are the pinned ones.
    """
    top = section(document, document.root, "the registry", "start with `version: 1` and `routes:`") or {}
    document.finish()
    known = {name: entry for name, entry in top.items() if name != "version"}
    read_keys(document, known, TOP_KEYS, "the registry")
    _version(document, top)
    defaults = _defaults(document, top["defaults"]) if "defaults" in top else {}
    server = _server(document, top["server"]) if "server" in top else ServerSpec()
    reader = RouteReader(document=document, base=base, taken=Taken(), defaults=defaults, files=files)
    specs = [reader.read(path, entry) for path, entry in _routes(document, top).items()]
    document.finish()
    return RegistrySpec(routes=tuple(spec for spec in specs if spec is not None), server=server)


def _version(document: Document, top: dict[str, Entry]) -> None:
    if "version" not in top:
        document.fault(
            None, "missing-version", "has no 'version'", expected="version: 1", fix="write `version: 1` first"
        )
        return
    value = top["version"].value
    if value.data != 1 or isinstance(value.data, bool):
        document.fault(
            value.span,
            "unknown-version",
            f"version is {kind_of(value.data)}",
            expected="1: the only version of this format",
            fix="version: 1",
        )


def _defaults(document: Document, entry: Entry) -> dict[str, Any]:
    entries = section(document, entry.value, "'defaults'", "defaults: {timeout_s: 5}") or {}
    usable = {}
    for name, one in entries.items():
        if name in ROUTE_KEYS and name not in DEFAULTS_KEYS:
            document.fault(
                one.key,
                "no-default",
                f"'{name}' cannot be set for all routes",
                expected=listing(sorted(DEFAULTS_KEYS)),
                fix=f"move '{name}' into the routes that need it",
            )
        else:
            usable[name] = one
    return read_keys(document, usable, DEFAULTS_KEYS, "'defaults'")


def _server(document: Document, entry: Entry) -> ServerSpec:
    entries = section(document, entry.value, "'server'", "server: {max_body_size: 32MiB}") or {}
    found = read_keys(document, entries, SERVER_KEYS, "'server'")
    for origin in found.get("cors", ()):
        if not _ORIGIN.fullmatch(origin):
            document.fault(
                entries["cors"].value.span,
                "bad-origin",
                f"'{origin}' is not an origin",
                expected="scheme://host or scheme://host:port, no path, or '*'",
                fix="cors: [https://app.example.org]",
            )
    return ServerSpec(**found)


def _routes(document: Document, top: dict[str, Entry]) -> dict[str, Entry]:
    if "routes" not in top:
        document.fault(
            None,
            "missing-routes",
            "has no 'routes'",
            expected="routes: path -> model",
            fix="write `routes:`, then `gateway add ARTIFACT --route /name`",
        )
        return {}
    return section(document, top["routes"].value, "'routes'", "routes: {/name: models/name/model.onnx}") or {}
