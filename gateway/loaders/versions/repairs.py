"""All repairs of what other versions wrote, in the order in which they are applied to one part."""

from typing import Any, Final

from gateway.loaders.versions import (
    repairs_linear,
    repairs_neighbours,
    repairs_others,
    repairs_refused,
    repairs_trees,
    repairs_widths,
)
from gateway.loaders.versions.old_states import wrappers_of_today
from gateway.loaders.versions.provenance import Told
from gateway.loaders.versions.repair import Repair, repair

ROWS: Final[tuple[Repair, ...]] = (
    *repairs_refused.ROWS,
    *repairs_linear.ROWS,
    *repairs_trees.ROWS,
    *repairs_neighbours.ROWS,
    *repairs_others.ROWS,
    *repairs_widths.ROWS,
)


def repair_all(root: Any, told: Told) -> None:
    """Bring all that other versions wrote to the form of the installed one, in place; raises LoadError."""
    wrappers_of_today(root)
    repair(root, told, ROWS)
