"""
Judges regular expressions that Python's `re` is to search texts with: it backtracks, and nothing ends it on the way.

`(a+)+b` takes hours for forty letters, and holds the interpreter for all of it. A pattern is refused where one word can
be read in exponentially many ways, or in more than its length allows; what is refused without need is odd.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from re import _constants as op  # type: ignore[attr-defined, unused-ignore]  # what `re` itself compiles from
from re import _parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any, Final, TypeAlias

from gateway.loaders.loops import components, reached

#: Repeats of more than this count as endless.
_FEW: Final = 8
#: Ways to read a text that repeats and alternatives outside of endless ones may multiply to.
_MOST_CHOICES: Final = 1_000
#: Characters that a pattern may spell out.
_MOST_PLACES: Final = 150
#: Endless repeats one behind the other that can share one word.
_MOST_SHARING: Final = 2
#: Beside ASCII and what a pattern names: a letter, a digit and a space of other scripts.
_SAMPLE: Final = [chr(code) for code in range(128)] + ["é", "ß", "中", "\u0663", "\xa0", "\u0130"]
_CLASSES: Final = {"DIGIT": re.compile(r"\d"), "SPACE": re.compile(r"\s"), "WORD": re.compile(r"\w")}
_REPEATS: Final = tuple(
    getattr(op, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") if hasattr(op, name)
)

#: Places where a part begins, where it ends, whether it may be empty, and in how many ways it is read.
Part: TypeAlias = tuple[frozenset[int], frozenset[int], bool, float]
_NOTHING: Final[Part] = (frozenset(), frozenset(), True, 1)


class _Refused(Exception):
    """Say why a pattern is not searched with."""


def fault_of(pattern: str) -> str:
    """Say why searching with a pattern may take too long, or that it is none; "" for nothing."""
    try:
        tree = _parser.parse(pattern)
        letters = sorted({*_SAMPLE, *_named(tree)})
        for nodes in _alternatives(list(tree)):
            _judge(nodes, tree.state.flags, letters)
    except _Refused as exc:
        return str(exc)
    except (re.error, OverflowError) as exc:
        return f"is no regular expression: {exc}"
    except RecursionError:
        return "is nested too deeply"
    return ""


def _alternatives(nodes: list[Any]) -> Iterator[list[Any]]:
    """Yield the branches of a pattern that is nothing else: each is tried once."""
    if len(nodes) == 1 and nodes[0][0] is op.SUBPATTERN:
        yield from _alternatives(list(nodes[0][1][3]))
    elif len(nodes) == 1 and nodes[0][0] is op.BRANCH:
        for branch in nodes[0][1][1]:
            yield from _alternatives(list(branch))
    else:
        yield nodes


def _named(part: Any) -> Iterator[str]:
    """Yield the characters that a pattern names, in both cases: sets are compared by these and those of the sample."""
    if isinstance(part, tuple) and len(part) == 2 and part[0] in (op.LITERAL, op.NOT_LITERAL, op.RANGE):  # noqa: PLR2004
        codes = part[1] if isinstance(part[1], tuple) else (part[1],)
        yield from (one for code in codes for one in {chr(code), chr(code).swapcase()[:1]})
    elif isinstance(part, tuple | list | _parser.SubPattern):
        for inner in part:
            yield from _named(inner)


def _judge(nodes: Iterable[Any], flags: int, letters: list[str]) -> None:
    graph = _Graph(flags, letters)
    choices = graph.sequence(nodes)[3]
    if choices > _MOST_CHOICES:
        raise _Refused(f"can be read in {choices:.3g} ways")
    graph.refuse_loops()


@dataclass
class _Graph:
    """Hold the places of a pattern (a set of characters each), and which may follow which, in how many ways."""

    flags: int
    letters: list[str]
    sets: list[int] = field(default_factory=list)
    follow: Counter[tuple[int, int]] = field(default_factory=Counter)
    #: Repeats around the part that is being added.
    depth: int = 0

    def sequence(self, nodes: Iterable[Any]) -> Part:
        """Add parts one behind the other."""
        found = _NOTHING
        for node in nodes:
            found = self._behind(found, self._part(*node))
        return found

    def _behind(self, one: Part, two: Part) -> Part:
        self._join(one[1], two[0])
        first = one[0] | two[0] if one[2] else one[0]
        last = one[1] | two[1] if two[2] else two[1]
        return first, last, one[2] and two[2], one[3] * two[3]

    def _join(self, ends: Iterable[int], begins: frozenset[int]) -> None:
        self.follow.update((end, begin) for end in ends for begin in begins)

    def _part(self, kind: Any, argument: Any) -> Part:
        if kind is op.AT:
            return _NOTHING
        if kind in (op.ASSERT, op.ASSERT_NOT):
            for nodes in _alternatives(list(argument[1])):
                _judge(nodes, self.flags, self.letters)
            return _NOTHING
        if kind is op.SUBPATTERN:
            self.flags |= argument[1]
            return self.sequence(argument[3])
        if kind is getattr(op, "ATOMIC_GROUP", None):
            return self.sequence(argument)
        if kind is op.BRANCH:
            parts = [self.sequence(branch) for branch in argument[1]]
            if self.depth and sum(part[2] for part in parts) > 1:  # of a|a, `re` makes a(?:|)
                raise _Refused("repeats what it can read in two ways")
            firsts: frozenset[int] = frozenset().union(*(part[0] for part in parts))
            lasts: frozenset[int] = frozenset().union(*(part[1] for part in parts))
            return firsts, lasts, any(part[2] for part in parts), sum(part[3] for part in parts)
        if kind in _REPEATS:
            return self._repeat(*argument)
        if kind in (op.GROUPREF, op.GROUPREF_EXISTS):
            raise _Refused("refers to one of its groups")
        return self._place(kind, argument)

    def _repeat(self, least: int, most: int, nodes: Any) -> Part:
        least, is_endless = min(int(least), _FEW), int(most) > _FEW
        found, nodes = _NOTHING, list(nodes)
        for number in range(least + 1 if is_endless else int(most)):
            self.depth += is_endless
            one = self.sequence(nodes)
            self.depth -= is_endless
            if one[2] and int(most) > 1:
                raise _Refused("repeats what may be empty")
            if is_endless and number == least:
                self._join(one[1], one[0])
            found = self._behind(found, one if number < least else (one[0], one[1], True, one[3]))
        return (*found[:3], found[3] if is_endless else found[3] * (int(most) - least + 1))

    def _place(self, kind: Any, argument: Any) -> Part:
        if len(self.sets) == _MOST_PLACES:
            raise _Refused(f"spells out more than {_MOST_PLACES} characters")
        any_case = bool(self.flags & re.IGNORECASE)
        members = (at for at, letter in enumerate(self.letters) if _is_in(kind, argument, letter, any_case=any_case))
        self.sets.append(sum(1 << at for at in members))
        here = frozenset((len(self.sets) - 1,))
        return here, here, False, 1

    def refuse_loops(self) -> None:
        """Raise _Refused where a word that is repeated is read in more and more ways."""
        after: list[list[int]] = [[] for _ in self.sets]
        for one, two in self.follow:
            after[one].append(two)
        loops = [set(loop) for loop in components(after)]
        inside = {place: number for number, loop in enumerate(loops) for place in loop}
        for (one, two), ways in self.follow.items():
            if ways > 1 and inside.get(one, -1) == inside.get(two, -2):
                raise _Refused("repeats a repeat")
        for loop in loops:
            self._refuse_two_ways(loop, after)
        if self._sharing(loops, after) > _MOST_SHARING:
            raise _Refused(f"has more than {_MOST_SHARING} repeats behind each other that match the same text")

    def _refuse_two_ways(self, loop: set[int], after: list[list[int]]) -> None:
        """Two places of one loop, reached by one word from one place, must not come together again."""
        pairs = {(one, two): number for number, (one, two) in enumerate((a, b) for a in loop for b in loop)}
        edges = [
            [pairs[x, y] for x in after[one] for y in after[two] if (x, y) in pairs and self.sets[x] & self.sets[y]]
            for one, two in pairs
        ]
        names = list(pairs)
        for found in components(edges):
            alike = {names[number][0] == names[number][1] for number in found}
            if len(alike) > 1:
                raise _Refused("repeats what it can read in two ways")

    def _sharing(self, loops: list[set[int]], after: list[list[int]]) -> int:
        """Return how many loops, one behind the other, can be passed with repeats of one word."""
        masks = [self._union(loop) for loop in loops]

        def depth(number: int) -> int:
            best = 0
            for other, loop in enumerate(loops):
                shared = masks[number] & masks[other]
                if other != number and shared:
                    way = [[two for two in twos if self.sets[two] & shared] for twos in after]
                    if reached(way, loops[number]) & loop:
                        best = max(best, depth(other))
            return 1 + best

        return max((depth(number) for number in range(len(loops))), default=0)

    def _union(self, loop: set[int]) -> int:
        found = 0
        for place in loop:
            found |= self.sets[place]
        return found


def _is_in(kind: Any, argument: Any, letter: str, *, any_case: bool) -> bool:
    """Say whether a part of a pattern that stands for one character matches a letter."""
    if kind is op.ANY:
        return True
    if any_case and letter.swapcase() != letter and len(letter.swapcase()) == 1:
        cases = (letter, letter.swapcase())
        return any(_is_in(kind, argument, one, any_case=False) for one in cases)
    if kind is op.LITERAL:
        return ord(letter) == int(argument)
    if kind is op.NOT_LITERAL:
        return ord(letter) != int(argument)
    if kind is op.RANGE:
        return int(argument[0]) <= ord(letter) <= int(argument[1])
    if kind is op.CATEGORY:
        name = str(argument).removeprefix("CATEGORY_")
        found = _CLASSES[name.removeprefix("NOT_")].match(letter) is not None
        return found is not name.startswith("NOT_")
    if kind is not op.IN:
        raise _Refused("holds a part that is not known here")
    is_not = argument[0][0] is op.NEGATE
    return is_not is not any(_is_in(inner, told, letter, any_case=False) for inner, told in argument[is_not:])
