"""Finds loops in graphs: nodes of which each leads to every other. Knows nothing of what the nodes stand for."""

from collections.abc import Iterable, Iterator, Sequence


def components(after: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the nodes of each loop; `after` are those that follow each node. Tarjan's way, without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    open_: list[int] = []
    is_open: set[int] = set()
    for root in range(len(after)):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        open_.append(root)
        is_open.add(root)
        waiting = [(root, iter(after[root]))]
        while waiting:
            node, following = waiting[-1]
            inner = next(following, None)
            if inner is None:
                waiting.pop()
                if waiting:
                    low[waiting[-1][0]] = min(low[waiting[-1][0]], low[node])
                if low[node] == order[node]:
                    found = _closed(open_, is_open, node)
                    if len(found) > 1 or node in after[node]:
                        yield found
            elif inner not in order:
                order[inner] = low[inner] = len(order)
                open_.append(inner)
                is_open.add(inner)
                waiting.append((inner, iter(after[inner])))
            elif inner in is_open:
                low[node] = min(low[node], order[inner])


def _closed(open_: list[int], is_open: set[int], node: int) -> list[int]:
    found: list[int] = []
    while not found or found[-1] != node:
        found.append(open_.pop())
        is_open.remove(found[-1])
    return found


def reached(after: Sequence[Sequence[int]], start: Iterable[int]) -> set[int]:
    """Return the nodes behind some nodes."""
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        for node in after[waiting.pop()]:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
