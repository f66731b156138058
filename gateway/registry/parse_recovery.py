"""
Blank the text at which the YAML parser stops, so that one run finds all other faults of the file.

Offsets and lines stay as they are. What cannot be known after a repair is a damage, and no rule judges it: a report
names no fault that is only a consequence of another.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import yaml

#: Column of a damage that lies inside of one value: no mapping can have lost a key there.
_INSIDE: Final = 1 << 30
#: Characters that all repairs together may compose again: half a second.
_MOST_COMPOSED: Final = 8 * 1024 * 1024
_MOST_REPAIRS: Final = 100

_KEY: Final = re.compile(r" *(?:- +)*(?:'[^']*'|\"[^\"]*\"|[^\s#'\"\[\]{}&*!|>%@`,?-][^:#\t'\"{}\[\]]*):(?=\s)")
#: Messages of the parser about a missing end: the position of the beginning matters.
_OPEN: Final = (
    "while scanning a quoted",
    "while scanning a double-quoted",
    "while parsing a flow",
    "while scanning a simple key",
)
#: What ends a line for YAML.
BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Damage(NamedTuple):
    """Mark a repaired place: its offset, and the first column whose keys may be lost with it."""

    offset: int
    column: int = _INSIDE


class Recovery:
    """Hold a text between the attempts to compose it; `damages` are the characters that were replaced already."""

    def __init__(self, text: str, damages: Sequence[Damage]) -> None:
        self.text = text
        self.damages = list(damages)
        self._left = min(_MOST_REPAIRS, 1 + _MOST_COMPOSED // (len(text) + 1))
        self._unsure = {len(BREAK.findall(text, 0, damage.offset)) for damage in damages}
        #: The block that was blanked last: its first and last line, and its indentation.
        self._blanked = (-1, -1, 0)

    def is_consequence(self, error: yaml.MarkedYAMLError) -> bool:
        """Return whether an error may result from a repair, or from replaced characters."""
        line, last = _mark_of(error).line, self._blanked[1]
        if line <= last or line in self._unsure:
            return True
        # The lines that follow one of wrong indentation do not fit either.
        return _is_indentation(str(error.problem)) and _previous(self.text.splitlines(), line) < self._blanked[0]

    def repair(self, error: yaml.MarkedYAMLError) -> range:
        """Blank the text at which the parser stopped and return its lines; none if no attempt is left."""
        self._left -= 1
        if self._left < 0:
            return range(0)
        mark = _mark_of(error)
        return self._word(str(error.problem), mark) or self._block(str(error.problem), mark)

    def _word(self, problem: str, mark: yaml.Mark) -> range:
        """Repair a word that is alone in its line, if the structure around it is certain."""
        at = mark.index
        for part, pattern, instead in _WORDS:
            if part in problem and (match := pattern.match(self.text, at)):
                self.text = self.text[:at] + instead.ljust(len(match[0])) + self.text[match.end() :]
                if instead:
                    self.damages.append(Damage(at))
                return range(mark.line, mark.line + 1)
        return range(0)

    def _block(self, problem: str, mark: yaml.Mark) -> range:
        """Blank a line with all lines that are indented deeper; if that was tried, the entry around it."""
        lines = self.text.splitlines(keepends=True)
        first, column = min(mark.line, len(lines) - 1), mark.column
        if "document start" in problem and (end := _document_end(lines, first)) >= 0:
            lines[end] = _spaces(lines[end])
            self.text = "".join(lines)
            return range(end, end + 1)
        last = None
        if first <= self._blanked[1]:
            first, column = _previous(lines, self._blanked[0], self._blanked[2]), _INSIDE
        elif has_tab(lines[first]):
            last = _end(lines, first, _indent_before_tab(lines, first))
        elif "mapping values are not allowed" in problem and _ends_key(lines[first], column):
            # The line before has no colon, and is read as the beginning of this key.
            first, column = _previous(lines, first), 0
        elif _is_indentation(problem) and column == _indent(lines[first]) and (start := _intruder(lines, first)) >= 0:
            first, last, column = start, first - 1, 0
        if first < 0:
            return range(0)
        last = _end(lines, first, _indent(lines[first])) if last is None else last
        self._blanked = (first, last, _indent(lines[first]))
        self._blank(lines, first, last, column)
        return range(first, last + 1)

    def _blank(self, lines: list[str], first: int, last: int, column: int) -> None:
        key = _KEY.match(lines[first])
        kept = key.end() if key is not None and column >= key.end() else 0
        lost = any(has_tab(line) for line in lines[first : last + 1])
        start = sum(map(len, lines[:first])) + kept
        self.damages.append(Damage(start, 0 if lost else _indent(lines[first])))
        lines[first] = lines[first][:kept] + _spaces(lines[first][kept:])
        lines[first + 1 : last + 1] = map(_spaces, lines[first + 1 : last + 1])
        self.text = "".join(lines)


_WORDS: Final = (
    ("undefined alias", re.compile(r"\*[^\s,\[\]{}]+"), "~"),
    ("second occurrence", re.compile(r"&[^\s,\[\]{}]+"), ""),
    ("undefined tag handle", re.compile(r"![^\s,\[\]{}]*"), ""),
    ("cannot start any token", re.compile(r"[@`%]"), "x"),
    ("unknown escape character", re.compile(r"\\"), "/"),
)


def _mark_of(error: yaml.MarkedYAMLError) -> yaml.Mark:
    """Return where the doubtful part begins: the opening quote or bracket if one is open."""
    if error.context_mark is not None and (error.problem_mark is None or str(error.context).startswith(_OPEN)):
        return error.context_mark
    return error.problem_mark or yaml.Mark("", 0, 0, 0, None, 0)


def _is_indentation(problem: str) -> bool:
    return problem in {"did not find expected key", "did not find expected '-' indicator"}


def _ends_key(line: str, column: int) -> bool:
    key = _KEY.match(line)
    return key is not None and column == key.end() - 1


def has_tab(line: str) -> bool:
    """Say whether a line that is not empty is indented with a tab."""
    return "\t" in line[: len(line) - len(line.lstrip())] and bool(line.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_empty(line: str) -> bool:
    """Say whether a line ends no block: an empty one, a comment, or brackets that are closed."""
    content = line.strip().strip("]},")
    return not content or content.startswith("#")


def _end(lines: list[str], first: int, indent: int) -> int:
    """Return the last line of a block that begins at `first` and whose lines are indented by more than `indent`."""
    last = first
    for at in range(first + 1, len(lines)):
        if not _is_empty(lines[at]) and not has_tab(lines[at]) and _indent(lines[at]) <= indent:
            break
        last = at
    return last


def _indent_before_tab(lines: list[str], line: int) -> int:
    """Return the indentation of the entry that may contain a line with a tab, whose own level is unknown."""
    before = _previous(lines, line)
    if before >= 0 and not lines[before].rstrip().endswith(":"):
        before = _previous(lines, before, _indent(lines[before]))
    return _indent(lines[before]) if before >= 0 else -1


def _intruder(lines: list[str], line: int) -> int:
    """Return the line that ended, by too small an indentation, a block that `line` goes on with; -1 for none."""
    indent = _indent(lines[line])
    start = _previous(lines, line, indent)
    before = _previous(lines, start, indent + 1) if start >= 0 else -1
    return start if before >= 0 and _indent(lines[before]) == indent else -1


def _previous(lines: list[str], line: int, most: int = _INSIDE) -> int:
    """Return the last line before that is not empty and is indented by less than `most`; -1 if there is none."""
    for at in range(line - 1, -1, -1):
        if not _is_empty(lines[at]) and not has_tab(lines[at]) and _indent(lines[at]) < most:
            return at
    return -1


def _document_end(lines: list[str], line: int) -> int:
    """Return the line before that ends a document (`...`); -1 if there is none."""
    return next((at for at in range(line - 1, -1, -1) if lines[at].rstrip() == "..."), -1)


def _spaces(line: str) -> str:
    return re.sub(r"[^\r\n\x85\u2028\u2029]", " ", line)
