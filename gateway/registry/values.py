"""Values with their positions in the file, and the document that collects their faults."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.registry.report import Finding, Span, registry_error


@dataclass(slots=True)
class Value:
    """
    Hold a scalar, a list of Value or Entries, with its source text and position.

    `is_unreadable`: its fault is noted already and its content is unknown, so that every rule stays silent.
    """

    data: Any
    span: Span
    raw: str = ""
    is_unreadable: bool = False

    @property
    def plain(self) -> Any:
        """Return plain Python data without positions."""
        if isinstance(self.data, dict):
            return {name: entry.value.plain for name, entry in self.data.items()}
        if isinstance(self.data, list):
            return [item.plain for item in self.data]
        return self.data


@dataclass(slots=True)
class Entry:
    """Hold one `key: value` of a mapping."""

    key: Span
    value: Value


class Entries(dict[str, Entry]):
    """
    Hold the entries of a mapping by name.

    The first value of a repeated key counts. Further values, and values of keys that are no text, are kept apart and
    are only checked for faults. `is_partial`: a key may be missing because of a fault that is noted already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.repeated: list[tuple[str, Entry]] = []
        self.nameless: list[tuple[str, Entry]] = []
        self.is_partial = False

    def add(self, name: str, entry: Entry) -> None:
        """Add an entry; keep it apart if its name has a value already."""
        if name in self:
            self.repeated.append((name, entry))
        else:
            self[name] = entry

    def all_of(self, name: str) -> Iterator[Entry]:
        """Yield the entry of a name and its repetitions."""
        if name in self:
            yield self[name]
        yield from (entry for other, entry in self.repeated if other == name)

    def lacks(self, name: str) -> bool:
        """Return whether a key is certainly missing."""
        return name not in self and not self.is_partial

    def without(self, names: Collection[str]) -> "Entries":
        """Return the entries of all other names."""
        rest = Entries()
        for name, entry in self.every():
            if name not in names:
                rest.add(name, entry)
        return rest

    def every(self) -> Iterator[tuple[str, Entry]]:
        """Yield every entry that has a name, repetitions last."""
        yield from self.items()
        yield from self.repeated


@dataclass(slots=True)
class Document:
    """Hold one registry file; `faults` collects its faults, those of later readers included."""

    name: str
    lines: list[str]
    root: Value
    faults: list[Finding] = field(default_factory=list)

    def fault(
        self, span: Span | None, code: str, message: str, *, expected: str | None = None, fix: str | None = None
    ) -> None:
        """Note a fault and continue: all faults are reported at once."""
        self.faults.append(Finding(span=span, code=code, message=message, expected=expected, fix=fix))

    def finish(self) -> None:
        """Raise RegistryError if there are faults."""
        if self.faults:
            raise registry_error(self.name, self.lines, self.faults)


def texts_of(value: Value) -> list[Value]:
    """Return the texts in a value or in a list of values, each with its position, even if other items are faulty."""
    items = value.data if isinstance(value.data, list) else [value]
    return [one for one in items if one.raw.strip() and not one.is_unreadable and not isinstance(one.data, bool)]
