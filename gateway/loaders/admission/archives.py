"""Refuses models in ZIP archives whose members would fill the memory, or lead out of the archive."""

import zipfile
from pathlib import Path

from gateway.errors import ArtifactError
from gateway.system import archives


def check_archive(path: Path) -> None:
    """
    Raise ArtifactError for an archive that no program which saves models writes, before a member of it is read.

    `too-large-inside` for one that unpacks to far more than it is or has too many members, else `broken-artifact`.
    """
    try:
        archives.check(path)
    except archives.UnsafeArchiveError as error:
        raise ArtifactError(
            f"{path.name}: {error}, which no model does" if error.is_too_large else f"{path.name}: {error}",
            code="too-large-inside" if error.is_too_large else "broken-artifact",
            hint="fetch it again from where it was trained",
        ) from None
    except zipfile.BadZipFile as error:
        raise ArtifactError(
            f"{path.name}: not a readable archive: {error}",
            code="broken-artifact",
            hint="fetch it again from where it was trained",
        ) from error
