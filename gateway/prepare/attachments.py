"""
Attach to a manifest the files that pages show beside a model: its card, its golden rows, the counts of its plot.

They are part of the generation, but no prediction needs them: a broken one costs what it would show, never the route.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.artifacts import golden_rows, source_files
from gateway.artifacts.card_file import check_card
from gateway.artifacts.code_listing import locate_code
from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Attachment, Manifest
from gateway.artifacts.store import Store
from gateway.errors import GatewayError
from gateway.prepare.cache_key import golden_path
from gateway.prepare.plot_check import check_plot
from gateway.registry.attached_files import CARD, GOLDEN, files_of
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature
from gateway.system import files

log = logging.getLogger("gateway.prepare")

#: Golden rows beyond this are scored, but no page shows them.
MOST_GOLDEN_BYTES: Final = 4 * 2**20


def _check_card(path: Path, spec: RouteSpec, signature: Signature | None) -> None:
    check_card(path, (Path(spec.base),))


#: Key of the route that names the file -> what raises GatewayError for a file that cannot be shown. The signature is
#: None where the artifact could not be prepared.
CHECKS: Final[Mapping[str, Callable[[Path, RouteSpec, Signature | None], object]]] = {
    "plot": check_plot,
    CARD: _check_card,
    GOLDEN: lambda path, spec, signature: golden_rows.refuse_long(path),
}


def attach(spec: RouteSpec, found: Manifest, store: Store, digests: Digests) -> Manifest:
    """Return the manifest with the attachments of its route."""
    named = files_of(spec)
    if (rows := _golden_rows(spec, found)) is not None:
        named[GOLDEN] = rows
    attached = {}
    for name, path in named.items():
        try:
            CHECKS[name](path, spec, found.signature)
            store.admit(path)
            stored = store.keep(path, digests.digest(path))
            attached[name] = Attachment(origin=str(path), path=stored.path, sha256=stored.sha256)
        except GatewayError as error:
            attached[name] = _refused(spec, name, path, error)
    return replace(found, attachments=attached) if attached else found


def _refused(spec: RouteSpec, name: str, path: Path, error: GatewayError) -> Attachment:
    extra = {"route": spec.path, "key": name, "code": error.code, "reason": error.message, "fix": error.hint}
    log.warning("attachment refused", extra=extra)
    return Attachment(origin=str(path), problem=error.as_problem())


def _golden_rows(spec: RouteSpec, found: Manifest) -> Path | None:
    """Return the golden rows that a model was proven on; None where it has none, or too many for a page."""
    if found.golden is None or found.artifact is None:
        return None
    try:
        # Not the origins of the artifact: a manifest of equal bytes may come from the folder of another route.
        if spec.loader == "python":
            sources = [locate_code(Path(spec.base), spec.sources[0])[0]]
        elif spec.is_elsewhere:
            sources = []
        else:
            sources = [source_files.locate(Path(spec.base), source) for source in spec.places]
        path = golden_path(spec, sources)
    except GatewayError:
        return None
    size = files.stat_of(path) if path is not None else None
    return path if size is not None and size.st_size <= MOST_GOLDEN_BYTES else None
