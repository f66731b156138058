"""
Values that remember where they stand, and the document that collects the faults found in them.

Knows nodes of a YAML parser, nothing about routes.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.registry.report import Finding, Span, registry_error
from gateway.registry.scalars import resolve

#: Values after aliases are expanded: nine aliases to nine aliases to ... are a few lines and fill the memory.
MOST_VALUES = 500_000

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "seq", "map")}
_STRING_TAG = "tag:yaml.org,2002:str"


@dataclass(slots=True)
class Value:
    """Hold a scalar, a list of Value or a mapping of text to Entry, with its source text and place."""

    data: Any
    span: Span
    raw: str = ""

    @property
    def plain(self) -> Any:
        """Return ordinary Python data, without positions."""
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


@dataclass(slots=True)
class Document:
    """Hold one registry file; `faults` collects what is wrong with it, here and in every later reader."""

    name: str
    lines: list[str]
    root: Value
    faults: list[Finding] = field(default_factory=list)

    def fault(
        self, span: Span | None, code: str, message: str, *, expected: str | None = None, fix: str | None = None
    ) -> None:
        """Note a fault and go on: all of them are reported at once."""
        self.faults.append(Finding(span=span, code=code, message=message, expected=expected, fix=fix))

    def finish(self) -> None:
        """Raise RegistryError if any fault was noted."""
        if self.faults:
            raise registry_error(self.name, self.lines, self.faults)


class Limit(Exception):
    """Leave the composer early, with the finding."""


class Reader:
    """Turn nodes into values; notes duplicate keys, merge keys and unknown tags."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def value(self, node: yaml.Node, above: frozenset[int]) -> Value:
        """Convert one node; `above` are the nodes it is inside of."""
        self.count += 1
        span = self.span(node)
        if self.count > MOST_VALUES:
            raise Limit(
                Finding(span=span, code="too-many-values", message=f"more than {MOST_VALUES} values after aliases")
            )
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, span)
        if id(node) in above:
            self.document.fault(span, "recursive-alias", "an alias inside of what it stands for", fix="write it out")
            return Value(None, span)
        self.tag(node, span)
        if isinstance(node, yaml.SequenceNode):
            inside = above | {id(node)}
            return Value([self.value(item, inside) for item in node.value], span)
        return Value(self.mapping(node, above | {id(node)}), span)

    def span(self, node: yaml.Node) -> Span:
        """Return the part of a node that lies on its first line."""
        start, end = node.start_mark, node.end_mark
        if end.line == start.line:
            return Span(start.line, start.column, max(1, end.column - start.column))
        lines = self.document.lines
        width = len(lines[start.line].rstrip()) if start.line < len(lines) else 0
        return Span(start.line, start.column, max(1, width - start.column))

    def scalar(self, node: yaml.ScalarNode, span: Span) -> Value:
        """Resolve a scalar; quoted and block scalars are text."""
        if node.tag and node.tag != "!":
            self.tag(node, span)
        is_text = node.style or node.tag in {_STRING_TAG, "!"}
        return Value(node.value if is_text else resolve(node.value), span, node.value)

    def tag(self, node: yaml.Node, span: Span) -> None:
        """Refuse tags that would construct objects."""
        if node.tag and node.tag not in _PLAIN_TAGS and node.tag not in {_STRING_TAG, "!"}:
            short = node.tag.replace("tag:yaml.org,2002:", "!!")
            self.document.fault(span, "unknown-tag", f"tag '{short}' has no meaning here", fix="delete the tag")

    def mapping(self, node: yaml.Node, above: frozenset[int]) -> dict[str, Entry]:
        """Convert a mapping; of a repeated key the first stays."""
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            span = self.span(key)
            if not isinstance(key, yaml.ScalarNode):
                self.document.fault(span, "bad-key", "a key that is a list or a mapping", expected="text as the key")
                continue
            name = key.value
            if name == "<<" and not key.style:
                self.document.fault(
                    span,
                    "merge-key",
                    "merge keys ('<<') are not supported",
                    fix="write the keys out, or set them once under the top-level `defaults:`",
                )
                continue
            if name in entries:
                first = entries[name].key.line + 1
                self.document.fault(
                    span,
                    "duplicate-key",
                    f"'{name}' is defined twice (first on line {first})",
                    fix="rename or delete one; YAML would silently keep only the second",
                )
                continue
            entries[name] = Entry(span, self.value(value, above))
        return entries
