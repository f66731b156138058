"""Delete what processes of this home have left that were killed before they could."""

from gateway.codecs.child_reader import TABLE
from gateway.settings.settings import Settings
from gateway.system.owned_folders import forget_dead, scratch_folders


def delete_leftovers(settings: Settings) -> None:
    """Delete the temporary folders whose processes have ended; those of a gateway that still runs stay."""
    scratch_folders(settings.home).forget_dead()
    forget_dead(settings.spool_dir, TABLE)
