"""Refuses archives whose members would fill the memory. Reads the table of contents only, unpacks nothing."""

import zipfile
from pathlib import Path

from gateway.errors import ArtifactError

#: Arrays of zeros may shrink as much as they like below this size; memory holds it.
HARMLESS_BYTES = 256 * 1024 * 1024
#: Real models shrink to a half or a tenth; deflate's own limit is 1,032.
MAX_RATIO = 200


def refuse_bomb(path: Path, archive: zipfile.ZipFile) -> None:
    """
    Raise ArtifactError (`too-large-inside`) for an archive that unpacks to far more than it is.

    The sizes are what the archive says; a member that lies about its own is cut off there by zipfile.
    """
    size = sum(member.file_size for member in archive.infolist())
    packed = path.stat().st_size
    if size > HARMLESS_BYTES and size > MAX_RATIO * packed:
        raise ArtifactError(
            f"{path.name}: {packed} bytes that unpack to {size}, which no model does",
            code="too-large-inside",
            hint="fetch it again from where it was trained",
        )
