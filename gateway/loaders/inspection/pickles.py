"""Find out whether bytes are a pickle, and add what it names; only the first bytes decide, never the name alone."""

import importlib
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.loaders.inspection.report import Inspection
from gateway.loaders.sniffing import looks_like_pickle
from gateway.loaders.table import PICKLE_HEADS, PICKLE_SUFFIXES
from gateway.loaders.unknown_files import opened_head

#: Opcodes that may stand first: those that put something on the stack, marks, and persistent ids.
_FIRST: Final = frozenset(
    bytes([one]) for one in b"(])}cCBUTXVSILFJKMGNPQ\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)


def may_be_pickle(name: str, head: bytes) -> bool:
    """Say whether a file, or a member of an archive, that begins so may be a pickle, packed or not."""
    if looks_like_pickle(head) or name.lower().endswith(PICKLE_SUFFIXES):
        return True
    if head[:1] not in _FIRST:
        return False
    told = _listing().listing_of_head(head)
    return bool(told.is_cut or told.has_names)


def add_pickle(found: Inspection, path: Path, name: str) -> bool:
    """Add what a file names if it is a pickle; return whether it is one."""
    try:
        told = _listing().listing_of(path)
    except GatewayError as error:
        found.warnings.append(f"it cannot be listed: {error.message.removeprefix(f'{path.name}: ')}")
        return True
    is_called_so = name.lower().endswith(PICKLE_SUFFIXES)
    if not (told.has_names or opened_head(path).startswith(PICKLE_HEADS) or (is_called_so and told.pickles)):
        if is_called_so:
            found.warnings.append("it is called a pickle, and is none that can be followed")
        return False
    found.globals += told.globals
    if not found.members:
        found.what = "a pickle"
        found.warnings += [told.unread] if told.unread else []
    return True


def _listing() -> Any:
    # By name: it needs joblib, which other files do without.
    return importlib.import_module("gateway.loaders.admission.pickle_globals")
