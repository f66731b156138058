"""
Attach to a manifest the files that pages show beside a model: the counts of its plot.

They are part of the generation, but no prediction needs them: a broken one costs what it would show, never the route.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.artifacts.digests import Digests
from gateway.artifacts.manifest import Attachment, Manifest
from gateway.artifacts.store import Store
from gateway.errors import GatewayError
from gateway.prepare.plot_check import check_plot
from gateway.registry.attached_files import files_of
from gateway.registry.spec import RouteSpec
from gateway.schema import Signature

log = logging.getLogger("gateway.prepare")

#: Key of the route that names the file -> what raises GatewayError for a file that cannot be shown. The signature is
#: None where the artifact could not be prepared.
CHECKS: Final[Mapping[str, Callable[[Path, RouteSpec, Signature | None], object]]] = {"plot": check_plot}


def attach(spec: RouteSpec, found: Manifest, store: Store, digests: Digests) -> Manifest:
    """Return the manifest with the attachments of its route."""
    named = files_of(spec).items()
    attached = {}
    for name, path in named:
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
