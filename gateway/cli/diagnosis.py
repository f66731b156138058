"""One line of what `gateway doctor` reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Hold one line of the report: whether the check passed, its text, and the fix; a note is well with a fix."""

    is_well: bool
    text: str
    fix: str = ""
    is_note: bool = False

    @property
    def mark(self) -> str:
        """Return the word at the start of the line."""
        return ("note" if self.is_note else "ok") if self.is_well else "MISS"
