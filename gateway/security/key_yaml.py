"""The YAML of the file of keys: times are texts, no name stands twice in a mapping, and whatever is written is read."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    # libyaml reads ten times faster; the pure Python parser gives the same result.
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What PyYAML raises of a text: its own errors, and those of values that are not what their form or tag says (`0x_`).
_ERRORS: Final = (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError)


class Unreadable(Exception):
    """Say what is wrong with a text, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class _Times(_Loader):
    """Read times as texts: msgspec knows them with their zone."""

    yaml_implicit_resolvers: Final = {  # type: ignore[misc]  # PyYAML declares a plain attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(content: bytes) -> Any:
    """Return the value of a text, None of an empty one; raises Unreadable."""
    try:
        loader = _Times(content.decode())
        try:
            node = loader.get_single_node()
            repeated = None if node is None else _repeated_name(node)
            if repeated is None:
                return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except UnicodeDecodeError:
        raise Unreadable("is no UTF-8 text", "save it as UTF-8") from None
    except _ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        # Not chained: the error of the parser repeats the line.
        raise Unreadable(f"is no YAML{where}", "mend that line, or restore the file") from None
    line = repeated.start_mark.line + 1
    raise Unreadable(f"has {repeated.value[:40]!r} twice (line {line})", "keep one of the two")


def quoted(value: Any) -> str:
    """Return a value in one line of YAML; what YAML does not take as it is, such as DEL or U+2028, is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)


def _repeated_name(root: yaml.Node) -> yaml.ScalarNode | None:
    """Return the second of two equal names in one mapping: YAML would let it win, and drop the first in silence."""
    left, seen = [root], set()
    while left:
        node = left.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
            continue
        names = [name for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        counts = Counter(name.value for name in names)
        if repeated := [name for name in names if counts[name.value] > 1]:
            return repeated[1]
        left += [value for _, value in node.value]
    return None
