"""What an inspection lists of one file."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Inspection:
    """
    List what a file names and holds; `what` it is, `warnings` are what no honest model has.

    `globals` are those of pickles, `types` the classes and functions of a skops file with the kind of node that names
    them, `operators` those of a graph, `members` those of an archive or folder with their unpacked sizes, `arrays`
    the NumPy files among them. `is_data` says that a format is known to hold data only, so that nothing is a finding.
    """

    file: str
    size_bytes: int
    what: str
    globals: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    members: list[tuple[str, int]] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_data: bool = False

    def add(self, inner: "Inspection") -> None:
        """Add what a file in a folder or archive names; its members are told below its name."""
        self.globals += inner.globals
        self.types += inner.types
        self.operators += inner.operators
        self.members += [(f"{inner.file}: {name}", size) for name, size in inner.members]
        self.arrays += inner.arrays
        self.warnings += [f"{inner.file}: {text}" for text in inner.warnings]

    def settle(self) -> None:
        """Sort what was found, each once, and write names that are no text in UTF-8 as escapes."""
        for names in (self.globals, self.types, self.operators):
            names[:] = sorted({_text(name) for name in names})
        self.file = _text(self.file)
        self.members = [(_text(name), size) for name, size in self.members]
        self.arrays = [_text(told) for told in self.arrays]
        self.warnings = [_text(told) for told in dict.fromkeys(self.warnings)]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was found."""
        return not (self.globals or self.types or self.operators or self.members or self.arrays or self.warnings)


def _text(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
