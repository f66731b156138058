"""
Static files of the console: bytes, compressed bytes, media type, and the digest that is part of their URL.

All files share one digest as their folder, so that modules import each other by relative names. A file below `vendor/`
is large and changes alone: its own digest is its folder.
"""

import gzip
import hashlib
import logging
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import msgspec

log = logging.getLogger("gateway.console")

#: Name, version, licence and digests of the files of others; scripts/vendor_plotly.py puts them there.
_RECORD: Final = Path(__file__).parent / "vendored.json"
FOLDER: Final = Path(__file__).parent / "static"
VENDOR: Final = "vendor/"
#: A static import of a neighbour, or what it is exported from; `import(…)` loads later.
_IMPORT: Final = re.compile(r"""^(?:import|export)\b[^;"']*["']\./([\w/]+\.js)["']""", re.MULTILINE)
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


class Asset:
    """Hold one file; it is read and compressed when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.media_type = _TYPES[path.suffix]

    @cached_property
    def content(self) -> bytes:
        """Return the bytes."""
        return self._path.read_bytes()

    @cached_property
    def digest(self) -> str:
        """Return the first digits of the SHA-256."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @cached_property
    def compressed(self) -> bytes:
        """Return the bytes as gzip, the same in every process."""
        return gzip.compress(self.content, 9, mtime=0)


@dataclass(frozen=True)
class Assets:
    """Hold all files by name, and their digests."""

    files: dict[str, Asset]
    digest: str

    def path_of(self, name: str) -> str:
        """Return the path of a file below the root of the gateway."""
        if name.startswith(VENDOR):
            return f"/static/{self.files[name].digest}/{name.removeprefix(VENDOR)}"
        return f"/static/{self.digest}/{name}"

    def find(self, name: str) -> Asset | None:
        """Return the file that a URL names after its digest."""
        return self.files.get(name) or self.files.get(VENDOR + name)

    def is_present(self, digest: str, asset: Asset) -> bool:
        """Say whether a digest of a URL is that of the files that are here."""
        return digest == (self.digest if asset in self._own else asset.digest)

    @cached_property
    def _own(self) -> frozenset[Asset]:
        return frozenset(asset for name, asset in self.files.items() if not name.startswith(VENDOR))


def _is_recorded(name: str, asset: Asset) -> bool:
    """Say whether a file of others is the one that was checked; any other is not served, and plots do without it."""
    wanted = msgspec.json.decode(_RECORD.read_bytes())["files"].get(name.removeprefix(VENDOR))
    found = hashlib.sha256(asset.content).hexdigest()
    if found != wanted:
        log.warning("file refused", extra={"path": name, "reason": f"it has sha256 {found}, {_RECORD.name}: {wanted}"})
    return bool(found == wanted)


@lru_cache(maxsize=1)
def assets() -> Assets:
    """Return the files of this installation, found once in each process."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in _TYPES)
    files = {path.relative_to(FOLDER).as_posix(): Asset(path) for path in paths}
    files = {name: asset for name, asset in files.items() if not name.startswith(VENDOR) or _is_recorded(name, asset)}
    found = hashlib.sha256()
    for name, asset in files.items():
        if not name.startswith(VENDOR):
            found.update(f"{name}\0{asset.digest}\0".encode())
    return Assets(files, found.hexdigest()[:16])


@lru_cache(maxsize=16)
def modules_of(entry: str) -> tuple[str, ...]:
    """Return a module and all that it imports at once, each before those that it imports."""
    files, found = assets().files, [entry]
    for name in found:
        text = files[name].content.decode()
        found += [one for one in _IMPORT.findall(text) if one in files and one not in found]
    return tuple(dict.fromkeys(found))
