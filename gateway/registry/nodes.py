"""Convert YAML nodes into values that remember their positions."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import repeat

import yaml

from gateway.registry.parse_recovery import Damage
from gateway.registry.report import Finding, Span
from gateway.registry.scalars import resolve
from gateway.registry.values import Document, Entries, Entry, Value

#: Values after aliases are expanded: nine aliases to nine aliases to ... are a few lines and fill the memory.
MOST_VALUES = 500_000

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "seq", "map")}
_STRING_TAG = "tag:yaml.org,2002:str"


class Limit(Exception):
    """Leave the composer early with a finding."""


class Reader:
    """
    Convert nodes into values; notes duplicate keys, merge keys and unknown tags.

    `damages` are repaired places of the text: no rule judges their content.
    """

    def __init__(self, document: Document, damages: Sequence[Damage]) -> None:
        self.document = document
        self.count = 0
        self.damages = sorted(damages)
        self.offsets = [damage.offset for damage in self.damages]

    def root(self, nodes: Sequence[yaml.Node]) -> Value:
        """Convert the documents of a file; a second one is a fault, and all entries are read as if they were in one."""
        first, *others = (self.value(node, frozenset(), (0, node.end_mark.index)) for node in nodes)
        for node, other in zip(nodes[1:], others, strict=True):
            self.second(node)
            if isinstance(first.data, Entries) and isinstance(other.data, Entries):
                for name, entry in other.data.every():
                    first.data.add(name, entry)
        return first

    def second(self, node: yaml.Node) -> None:
        """Note a second document at the line on which it begins."""
        above = self.document.lines[: node.start_mark.line + 1]
        line = next((at for at in reversed(range(len(above))) if above[at].startswith("---")), 0)
        self.document.fault(
            Span(line, 0, 3), "yaml-syntax", "a second document begins here",
            expected="one document", fix="keep one document: delete the line `---` between them",
        )  # fmt: skip

    def damaged(self, start: int, end: int) -> list[Damage]:
        """Return the damages between two offsets."""
        return self.damages[bisect_left(self.offsets, start) : bisect_left(self.offsets, end)]

    def value(self, node: yaml.Node, above: frozenset[int], room: tuple[int, int] | None = None) -> Value:
        """Convert one node; `above` are the nodes it is inside of, `room` is from its key to the next one."""
        self.count += 1
        span = self.span(node)
        if self.count > MOST_VALUES:
            raise Limit(
                Finding(span=span, code="too-many-values", message=f"more than {MOST_VALUES} values after aliases")
            )
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, span, room)
        if id(node) in above:
            self.document.fault(span, "recursive-alias", "an alias inside of what it stands for", fix="write it out")
            return Value(None, span, is_unreadable=True)
        self.tag(node, span)
        inside = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return Value([self.value(item, inside) for item in node.value], span)
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - the third and last kind
        return Value(self.mapping(node, inside, room), span)

    def span(self, node: yaml.Node) -> Span:
        """Return the part of a node on its first line."""
        start, end = node.start_mark, node.end_mark
        if end.line == start.line:
            return Span(start.line, start.column, max(1, end.column - start.column))
        lines = self.document.lines
        width = len(lines[start.line].rstrip()) if start.line < len(lines) else 0
        return Span(start.line, start.column, max(1, width - start.column))

    def scalar(self, node: yaml.ScalarNode, span: Span, room: tuple[int, int] | None) -> Value:
        """Resolve a scalar; quoted and block scalars are text."""
        if node.tag and node.tag != "!" and self.tag(node, span) and not node.value:
            return Value(None, span, is_unreadable=True)
        if self.damages and (self.is_damaged(node) or (room and not node.value and self.damaged(*room))):
            return Value(None, span, node.value, is_unreadable=True)
        is_text = node.style or node.tag in {_STRING_TAG, "!"}
        return Value(node.value if is_text else resolve(node.value), span, node.value)

    def is_damaged(self, node: yaml.Node) -> bool:
        """Return whether a part of a scalar was repaired."""
        return bool(self.damaged(node.start_mark.index, node.end_mark.index))

    def tag(self, node: yaml.Node, span: Span) -> bool:
        """Note tags that would construct objects; return whether the tag is one of them."""
        if not node.tag or node.tag in _PLAIN_TAGS or node.tag in {_STRING_TAG, "!"}:
            return False
        short = node.tag.replace("tag:yaml.org,2002:", "!!")
        self.document.fault(span, "unknown-tag", f"tag '{short}' has no meaning here", fix="delete the tag")
        return True

    def mapping(self, node: yaml.MappingNode, above: frozenset[int], room: tuple[int, int] | None) -> Entries:
        """Convert a mapping; the first of several equal keys counts."""
        entries = Entries()
        merged: list[Entries] = []
        for (key, value), room_of in zip(node.value, self.rooms(node), strict=False):
            entry = Entry(self.span(key), self.value(value, above, room_of))
            if not isinstance(key, yaml.ScalarNode):
                self.document.fault(
                    entry.key, "bad-key", "a key that is a list or a mapping", expected="text as the key"
                )
                entries.nameless.append((self.source(entry.key), entry))
            elif self.damages and self.is_damaged(key):
                entries.is_partial = True
                entries.nameless.append((self.source(entry.key), entry))
            elif key.value == "<<" and not key.style:
                entries.is_partial |= self.merge(entry, merged)
            else:
                if key.value in entries:
                    self.repeated(key.value, entries[key.value].key, entry.key)
                entries.add(key.value, entry)
        for others in merged:
            for name, entry in others.items():
                entries.setdefault(name, entry)
        if self.damages:
            entries.is_partial |= self.has_gap(node, room)
        return entries

    def rooms(self, node: yaml.MappingNode) -> Iterable[tuple[int, int] | None]:
        """Return the start and end offset of each value of a mapping; only damages need it."""
        if not self.damages:
            return repeat(None)
        ends = [key.start_mark.index for key, _ in node.value[1:]] + [node.end_mark.index]
        return [(key.end_mark.index, end) for (key, _), end in zip(node.value, ends, strict=False)]

    def source(self, span: Span) -> str:
        """Return the text of a span."""
        return self.document.lines[span.line][span.column :][: span.length]

    def repeated(self, name: str, first: Span, span: Span) -> None:
        """Note a repeated key."""
        self.document.fault(
            span,
            "duplicate-key",
            f"'{name}' is defined twice (first on line {first.line + 1})",
            fix="rename or delete one; YAML would silently keep only the second",
        )

    def merge(self, entry: Entry, merged: list[Entries]) -> bool:
        """Note a merge key and merge its mapping; return whether its content is unknown."""
        self.document.fault(
            entry.key,
            "merge-key",
            "merge keys ('<<') are not supported",
            fix="write the keys out, or set them once under the top-level `defaults:`",
        )
        data = entry.value.data
        found = [item.data for item in data] if isinstance(data, list) else [data]
        merged += [one for one in found if isinstance(one, Entries)]
        return entry.value.is_unreadable

    def has_gap(self, node: yaml.MappingNode, room: tuple[int, int] | None) -> bool:
        """Return whether blanked lines may have contained keys of a mapping."""
        start, end = node.start_mark.index, node.end_mark.index
        if room and room[0] <= start <= room[1]:  # an alias may stand for it
            start = room[0]
        return any(damage.column <= node.start_mark.column for damage in self.damaged(start, end))
