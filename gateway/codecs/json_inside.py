"""Find the instances of a route inside a JSON body of another server's form, to tell what to send. Reads nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

#: Objects and lists of a body that are looked at, and names of a table.
_NODES: Final = 100
_NAMES: Final = 1_000


def instances_inside(body: Any, fields: frozenset[str], width: int) -> Any:
    """
    Return the body to send for the first part of `body` that holds instances, None where none does.

    These are an object with a field, a list of such objects, rows beside the list of their names, or rows of `width`
    values in order.
    """
    for node in _nodes(body):
        if type(node) is dict:
            found = _table(node, fields) or (None if fields.isdisjoint(node) else node)
            if found is not None:
                return found
        elif _is_batch(node, fields, width):
            return {"data": node}
    return None


def _nodes(body: Any) -> Iterator[Any]:
    """Yield the objects and lists of a body, those around others first; an item of a list is none by itself."""
    waiting = [body]
    for looked in range(_NODES):
        if looked >= len(waiting):
            return
        node = waiting[looked]
        yield node
        if type(node) is dict and len(node) <= _NODES:
            waiting += [one for one in node.values() if type(one) in (dict, list)]


def _table(node: Mapping[str, Any], fields: frozenset[str]) -> Any:
    """Return rows beside their names as `{"columns": …, "data": …}`, whatever both are called."""
    lists = [one for one in node.values() if type(one) is list and one]
    names = next((one for one in lists if _are_names(one, fields)), None)
    rows = next((one for one in lists if type(one[0]) is list), None)
    return None if names is None or rows is None else {"columns": names, "data": rows}


def _are_names(names: Sequence[Any], fields: frozenset[str]) -> bool:
    few = len(names) <= _NAMES
    return few and all(type(name) is str for name in names) and not fields.isdisjoint(names)


def _is_batch(rows: Sequence[Any], fields: frozenset[str], width: int) -> bool:
    first = rows[0] if rows else None
    if type(first) is dict:
        return not fields.isdisjoint(first)
    return type(first) is list and len(first) == width and not any(type(one) in (dict, list) for one in first)
