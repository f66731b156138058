"""Names and limits of the files of committed and earlier generations in the state folder."""

from pathlib import Path
from typing import Final

COMMITTED: Final = "committed.json"
#: 4,000 routes with their manifests are 12 MB.
MOST_BYTES: Final = 512 * 2**20


def folder_of(state_dir: Path) -> Path:
    """Return the folder of the generations that a rollback can return to."""
    return state_dir / "generations"


def kept(state_dir: Path) -> list[Path]:
    """Return the file of each generation that a rollback can return to."""
    return list(folder_of(state_dir).glob("*.json"))
