"""What an inspection lists of one file."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Inspection:
    """
    List what a file names and holds; `what` it is, `warnings` are what no honest model has.

    `globals` are those of pickles, `types` the classes and functions of a skops file with the kind of node that names
    them, `operators` those of a graph, `members` those of an archive or folder with their unpacked sizes, `arrays`
    the NumPy files among them.
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
