"""
List the files that a gateway watches (registry, artifacts, golden rows, attachments), and fingerprint each.

The process that tries an edit computes the list and leaves it to the arbiter, because reading a registry of 16 MB takes
500 MB of memory.
"""

import contextlib
import logging
import os
import stat
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from gateway.artifacts import card_file, code_files, code_listing, source_files
from gateway.errors import GatewayError
from gateway.generations import snapshot
from gateway.registry.attached_files import files_of as attached_files_of
from gateway.registry.load import load_registry
from gateway.registry.spec import RegistrySpec
from gateway.settings.settings import Settings
from gateway.system import atomic, files

log = logging.getLogger("gateway.watcher")

Print = int
#: Two paths of each of 4,000 routes, as long as paths may be.
MOST_BYTES: Final = 64 * 2**20
#: Created at import, see tests/test_floors.py.
_decode: Final = msgspec.json.Decoder(list[str]).decode


def files_of(settings: Settings) -> set[Path]:
    """Return the files of the committed routes and those that the registry names now."""
    paths = committed_files(settings)
    try:
        paths |= _named_by(load_registry(settings.registry), settings.cache_dir)
    except GatewayError:
        log.debug("the registry cannot be read; watching the committed files")
    return paths


def committed_files(settings: Settings) -> set[Path]:
    """Return the registry itself and the files of the committed routes."""
    committed = snapshot.committed(settings.state_dir)
    if committed is None:
        return {settings.registry}
    kept = (found.artifact for found in committed.manifests.values() if found.artifact is not None)
    read = {Path(file.path) for artifact in kept for file in artifact.files}
    return {settings.registry} | read | _named_by(committed.registry, settings.cache_dir)


def tell(settings: Settings) -> None:
    """Write the list of watched files for the arbiter; on a full disk it keeps the list it had."""
    names = sorted(map(str, files_of(settings)))
    with contextlib.suppress(OSError, UnicodeEncodeError):
        atomic.replace_bytes(_note(settings), msgspec.json.encode(names))


def told(settings: Settings) -> set[Path]:
    """Return the list that `tell` wrote, once; None if there is none."""
    try:
        names = _decode(files.read(_note(settings), MOST_BYTES))
        _note(settings).unlink()
    except (OSError, msgspec.MsgspecError):
        return set()
    return {Path(name) for name in names}


def _note(settings: Settings) -> Path:
    return settings.run_dir / "watched.json"


def _named_by(registry: RegistrySpec, cache_dir: Path) -> set[Path]:
    paths: set[Path] = set()
    for spec in registry.routes:
        if (
            spec.reference or spec.is_elsewhere
        ):  # whether a reference or a model elsewhere changed is asked for, not seen
            paths.update(attached_files_of(spec).values())
            paths.update({Path(spec.base) / spec.golden} if spec.golden else ())
            continue
        sources = [Path(spec.base) / source_files.split_entry(source)[0] for source in spec.sources]
        paths.update(sources)
        paths.add(Path(spec.base) / spec.golden if spec.golden else sources[-1].parent / "golden.json")
        paths.update(attached_files_of(spec).values())
        paths.add(card_file.default_path(Path(spec.base), spec.sources))  # it may be written later
        if spec.executor.requirements:
            # By name: nothing about environments is imported where no route has one.
            found = import_module("gateway.environments.requirements").files_of
            paths.update(found(Path(spec.base) / spec.executor.requirements))
        if spec.executor.kind == "process":
            for pattern in spec.files:
                paths.update(code_listing.watched(Path(spec.base), sources[0], pattern))
        elif spec.loader == "python":
            paths.update(code_files.names_of(spec.base, spec.sources[0], cache_dir))
            for pattern in spec.files:
                paths.update(code_listing.watched(Path(spec.base), sources[0], pattern))
    return paths


def look(path: Path) -> Print:
    """
    Return a number that changes with the content of a file or folder; 0 while it is absent or cannot be reached.

    It includes the time of the last change (ctime), because size and mtime can be set back.
    """
    found = files.stat_of(path)
    if found is None:
        return 0
    prints = [_stat_print(path, found)]
    if stat.S_ISDIR(found.st_mode):
        try:
            prints += [_stat_print(entry, entry.stat()) for entry in source_files.files_of(path)]
        except (OSError, GatewayError):
            prints.append(0)  # refused, or deleted meanwhile: the history holds the reason
    return hash(tuple(prints))


def _stat_print(path: Path, found: os.stat_result) -> int:
    return hash((str(path), found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino))
