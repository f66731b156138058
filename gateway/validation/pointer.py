"""Paths of faults that remember their last step, so that a codec can say where the value stood in its own format."""

from typing import TypeAlias

from gateway.validation.faults import member

#: Below a row: the name of a member, the position in a list, or None for the row itself.
Step: TypeAlias = str | int | None


class Pointer(str):
    """Hold the JSON path of a row (`$[3]`), or of one value below it (`$[3].age`) with the step that leads there."""

    __slots__ = ("step",)
    step: Step

    def __new__(cls, row: str, step: Step = None) -> "Pointer":
        """Make the path of a value from that of its row."""
        made = super().__new__(cls, below(row, step))
        made.step = step
        return made


def below(path: str, step: Step) -> str:
    """Return a path with one more step; None adds nothing."""
    if step is None:
        return path
    return f"{path}[{step}]" if isinstance(step, int) else member(path, step)


def step_of(path: str) -> Step:
    """Return the step below the row that a path of a fault remembers; None where it remembers none."""
    return path.step if isinstance(path, Pointer) else None
