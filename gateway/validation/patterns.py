"""
Regular expressions in the syntax of Python's `re`, matched in linear time.

Python's own engine backtracks: `^(a+)+$` takes hours for 60 characters, holds the interpreter for all of it, and with
it every route. The engine here (Rust's regex, as pydantic-core packs it) cannot. It reads another dialect, so a pattern
is parsed by Python and written anew from the tree, with Python's meaning of every part; parts that need
backtracking (back-references, look-around inside a pattern) are refused.
"""

import importlib
import re
from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined, unused-ignore]  # what `re` itself compiles from
from re import _parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any, Final, TypeAlias

#: Tell whether the pattern is found in a text without lone surrogates.
Search: TypeAlias = Callable[[str], bool]

#: Single characters that a pattern may spell out, repeats multiplied: bounds the work per character of a text.
MAX_STATES: Final = 2_000
_SPACES: Final = r"\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_CLASSES: Final = {"DIGIT": r"\p{Nd}", "WORD": r"\p{L}\p{N}_", "SPACE": _SPACES}
_ASCII_CLASSES: Final = {"DIGIT": "0-9", "WORD": "a-zA-Z0-9_", "SPACE": r"\t-\r\x20"}
#: Letters that are one to Python where case does not count, and two to Unicode's tables.
_TURKISH: Final = frozenset(map(ord, "iI\u0130\u0131"))
_FOLDED: Final = r"iI\x{130}\x{131}"
_REFUSED: Final = {
    op.GROUPREF: ("a reference to a group (\\1)", "write the repeated part out"),
    op.GROUPREF_EXISTS: ("a condition on a group", "write both cases: a|b"),
    op.ASSERT: ("looking around ((?=…), (?<=…))", "put (?=…) right behind ^, or match the text itself"),
    op.ASSERT_NOT: (
        "looking around ((?!…), (?<!…))",
        "put (?!…) right behind ^, or match the text itself",
    ),
    op.ATOMIC_GROUP: ("an atomic group ((?>…))", "write (?:…)"),
    op.POSSESSIVE_REPEAT: ("a possessive repeat (a++)", "write a+"),
}


class PatternError(ValueError):
    """Say why a text is no pattern here; `fix` is how to repair it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def compile_pattern(pattern: str) -> Search:
    """
    Compile a pattern to a search of linear time; raises PatternError.

    `^(?=…)(?!…)…`, assertions at the start and right behind its anchor, become searches of their own.
    """
    try:
        tree = _parser.parse(pattern)
    except (re.error, OverflowError) as error:
        fix = "quote it in '…' and escape brackets with a backslash"
        raise PatternError(f"is no regular expression: {getattr(error, 'msg', error)}", fix) from None
    except RecursionError:
        raise PatternError("is nested too deeply", "write it with fewer brackets") from None
    nodes, flags = list(tree), tree.state.flags
    asserted, rest = _assertions(nodes, flags)
    try:
        searches = [
            (_search(f"\\A(?:{_Writer(flags).sequence(inner)})"), kind is op.ASSERT) for kind, inner in asserted
        ]
        found = _search(_Writer(flags).sequence(rest))
    except RecursionError:
        raise PatternError("is nested too deeply", "write it with fewer brackets") from None
    if not searches:
        return found
    return lambda text: found(text) and all(search(text) is wanted for search, wanted in searches)


def _assertions(nodes: list[Any], flags: int) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Split off the assertions that are tried at the start of the text and nowhere else."""
    start = op.AT_BEGINNING_STRING if flags & re.MULTILINE else op.AT_BEGINNING
    if not nodes or nodes[0] != (op.AT, start):
        return [], nodes
    end = 1
    while end < len(nodes) and nodes[end][0] in (op.ASSERT, op.ASSERT_NOT) and nodes[end][1][0] > 0:
        end += 1
    return [(kind, argument[1]) for kind, argument in nodes[1:end]], nodes[:1] + nodes[end:]


def _search(written: str) -> Search:
    engine = importlib.import_module("pydantic_core")  # 4 MB and 25 ms, only where a field has a pattern
    schema = engine.core_schema.str_schema(pattern=written, regex_engine="rust-regex", strict=True)
    try:
        found: Search = engine.SchemaValidator(schema).isinstance_python
    except engine.SchemaError:
        raise _too_large() from None
    return found


def _too_large() -> PatternError:
    message = f"matches too many forms: repeats multiply to more than {MAX_STATES} characters"
    return PatternError(message, "lower its repeats, and limit the length of the text with maxLength")


class _Writer:
    """Write a tree of Python's parser in the syntax of the engine; used once."""

    def __init__(self, flags: int) -> None:
        self._flags = flags
        self._times = 1
        self._states = 0

    def sequence(self, nodes: Iterable[Any], *, last: bool = True) -> str:
        """Write nodes one after the other; `last` says that nothing of the pattern follows them."""
        listed = list(nodes)
        end = len(listed) - 1
        return "".join(
            self._node(kind, argument, last and index == end) for index, (kind, argument) in enumerate(listed)
        )

    def _node(self, kind: Any, argument: Any, last: bool) -> str:
        if kind in _REFUSED:
            what, fix = _REFUSED[kind]
            raise PatternError(f"uses {what}, which no search in linear time can do", fix)
        if kind is op.BRANCH:
            return f"(?:{'|'.join(self.sequence(branch, last=last) for branch in argument[1])})"
        if kind is op.SUBPATTERN:
            _, added, removed, inner = argument
            return self._group(added, removed, inner, last=last)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(*argument)
        return self._anchor(argument, last) if kind is op.AT else self._character(kind, argument)

    def _group(self, added: int, removed: int, nodes: Any, *, last: bool) -> str:
        outer, self._flags = self._flags, (self._flags | added) & ~removed
        written = self.sequence(nodes, last=last)
        self._flags = outer
        return f"(?:{written})"

    def _repeat(self, least: int, most: int, nodes: Any) -> str:
        outer, self._times = self._times, self._times * max(1, least + 1 if most is op.MAXREPEAT else most)
        written = self.sequence(nodes, last=False)
        self._times = outer
        return f"(?:{written}){{{least},{'' if most is op.MAXREPEAT else most}}}"

    def _anchor(self, where: Any, last: bool) -> str:
        if where is op.AT_BEGINNING:
            return "(?m:^)" if self._flags & re.MULTILINE else r"\A"
        if where is op.AT_END and not self._flags & re.MULTILINE:
            if not last:
                raise PatternError("has a $ before its end", "write $ as the last character, or \\n for a line end")
            return r"\n?\z"  # Python's $ also stands before a line end that is the last character
        ascii_only = "-u" if self._flags & re.ASCII else "u"
        return {
            op.AT_BEGINNING_STRING: r"\A",
            op.AT_END: "(?m:$)",
            op.AT_END_STRING: r"\z",
            op.AT_BOUNDARY: rf"(?{ascii_only}:\b)",
            op.AT_NON_BOUNDARY: rf"(?{ascii_only}:\B)",
        }[where]

    def _character(self, kind: Any, argument: Any) -> str:
        """Write a part that matches one character."""
        self._states += self._times
        if self._states > MAX_STATES:
            raise _too_large()
        if kind is op.ANY:
            return "(?s:.)" if self._flags & re.DOTALL else r"[^\n]"
        if kind is op.IN:
            items = list(argument)
            negated = items[0][0] is op.NEGATE
            return self._set(items[1:] if negated else items, negated)
        return self._set([(op.LITERAL, argument)], kind is op.NOT_LITERAL)

    def _set(self, items: list[Any], negated: bool) -> str:
        parts: list[str] = []
        for kind, argument in items:
            if kind is op.CATEGORY:
                parts.append(self._category(str(argument)))
            else:
                low, high = (argument, argument) if kind is op.LITERAL else argument
                parts.append(f"\\x{{{low:x}}}-\\x{{{high:x}}}")
                if self._flags & re.IGNORECASE:
                    parts.append(self._other_case(low, high))
        written = f"[{'^' * negated}{''.join(parts)}]"
        folds = self._flags & re.IGNORECASE and not self._flags & re.ASCII
        return f"(?i:{written})" if folds else written

    def _category(self, name: str) -> str:
        """Write `CATEGORY_NOT_DIGIT` and its kind."""
        word = name.rsplit("_", 1)[1]
        inner = (_ASCII_CLASSES if self._flags & re.ASCII else _CLASSES)[word]
        return f"[^{inner}]" if "_NOT_" in name else inner

    def _other_case(self, low: int, high: int) -> str:
        """Write the letters of the other case that the engine would not add to a range by itself."""
        if not self._flags & re.ASCII:
            return _FOLDED if any(low <= letter <= high for letter in _TURKISH) else ""
        letters = (chr(code).swapcase() for code in range(low, min(high, 127) + 1) if chr(code).isalpha())
        return "".join(letters)
