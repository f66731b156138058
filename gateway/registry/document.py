"""
Read the text of registry.yaml into values that remember their positions. Knows YAML, nothing about routes.

Keys are always text, scalars follow `scalars.resolve`, anchors and aliases are allowed, merge keys (`<<`) are not: all
keys of a route should be written in the route. Size, depth and the number of values after expanding aliases are
limited.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gateway.registry.nodes import MOST_VALUES, Limit, Reader
from gateway.registry.parse_recovery import Damage, Recovery, has_tab
from gateway.registry.report import Finding, Span, registry_error
from gateway.registry.syntax import decode, syntax_finding, tab_finding, whole_file
from gateway.registry.values import Document, Value
from gateway.system import files, garbage_collection

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    # libyaml composes ten times faster; the pure Python parser gives the same result.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: 1,000 routes with eight described fields each are 0.5 MB.
MOST_BYTES = 16 * 1024 * 1024
#: Real registries nest 8 deep; libyaml recurses in C, so a bound protects the stack.
MOST_DEPTH = 64
#: Every value has a key at most; half a kilobyte each while they are composed.
MOST_NODES = 2 * MOST_VALUES
_EMPTY = Finding(span=None, code="empty-registry", message="holds nothing", fix="start with `version: 1` and `routes:`")


class _Composer(_Base):
    """Compose nodes without resolving tags; bounds the depth while it goes down."""

    depth = 0
    count = 0

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self.depth += 1
        self.count += 1
        if self.count > MOST_NODES:
            mark = current_node.start_mark
            message = f"more than {MOST_NODES} keys and values"
            raise Limit(Finding(span=Span(mark.line, mark.column), code="too-many-values", message=message))
        if self.depth > MOST_DEPTH:
            raise Limit(_too_deep(current_node.start_mark))

    def ascend_resolver(self) -> None:
        self.depth -= 1


def _too_deep(mark: yaml.Mark) -> Finding:
    return Finding(
        span=Span(mark.line, mark.column),
        code="too-deep",
        message=f"values are nested more than {MOST_DEPTH} deep",
        expected="server, defaults, and routes with plain keys",
    )


def read(path: Path) -> Document:
    """Read a registry file; raises RegistryError for a file that cannot be read or is not YAML."""
    name = str(path)
    try:
        data = files.read(path, MOST_BYTES)
    except files.TooLongError as error:
        raise whole_file(name, "too-large", str(error.strerror), expected=f"at most {MOST_BYTES} bytes") from error
    except OSError as error:
        fix = "create it, or name another one" if isinstance(error, FileNotFoundError) else "name a readable file"
        raise whole_file(name, "unreadable-file", f"cannot be read: {error.strerror}", fix=fix) from error
    return parse(data, name)


def parse(data: bytes, name: str) -> Document:
    """Parse the bytes of a registry into a document; raises RegistryError if that is impossible."""
    if len(data) > MOST_BYTES:
        raise whole_file(name, "too-large", f"has {len(data)} bytes", expected=f"at most {MOST_BYTES}")
    text, findings, places = decode(data, name)
    lines = text.splitlines()
    recovery = Recovery(text, [Damage(at) for at in places])
    try:
        with garbage_collection.paused():
            nodes = _compose(recovery, lines, findings)
            if not nodes:
                findings += [] if findings else [_EMPTY]
                raise registry_error(name, lines, findings)
            document = Document(name, lines, Value(None, Span(0, 0)), faults=findings)
            document.root = Reader(document, recovery.damages).root(nodes)
    except Limit as limit:
        raise registry_error(name, lines, [limit.args[0], *findings]) from None
    return document


def _compose(recovery: Recovery, lines: list[str], findings: list[Finding]) -> list[yaml.Node]:
    """Return the YAML documents of a text, or None; notes syntax faults and continues behind them."""
    while True:
        try:
            # Measured with the collector paused: 0.39 s -> 0.12 s for 1,000 routes.
            return [node for node in yaml.compose_all(recovery.text, _Composer) if node is not None]
        except yaml.MarkedYAMLError as error:
            if error.problem_mark and "nesting depth" in str(error.problem):
                # The scanner of PyYAML 6.0.4, a thousand characters ahead of the composer, has a bound of its own.
                raise Limit(_too_deep(error.problem_mark)) from None
            if not recovery.is_consequence(error):
                findings.append(syntax_finding(error, lines))
            blanked = recovery.repair(error)
            if not blanked:
                return []
            findings += [tab_finding(at, lines[at]) for at in blanked if has_tab(lines[at])]


def registry_hash(path: Path) -> str:
    """Return the sha256 of the registry file; '' if it cannot be read."""
    try:
        return hashlib.sha256(files.read(path, MOST_BYTES)).hexdigest()
    except OSError:
        return ""
