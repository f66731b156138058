"""Render the faults of a registry as a compiler would: position, code, source line, caret, expected value, fix."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import RegistryError
from gateway.system.suggest import listing

#: A source line longer than this is cut around the caret, so that a report stays readable in a terminal.
_WIDEST = 160
#: Number of reported faults; more are only counted. One wrong key in each of 1,000 routes made 6,000 lines.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Span:
    """Mark a part of one source line; line and column count from 0."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Hold one fault; `span` is None if it concerns the whole file."""

    span: Span | None
    code: str
    message: str
    expected: str | None = None
    fix: str | None = None

    @property
    def place(self) -> tuple[Span | None, str, str | None, str | None]:
        """Return what one fault differs from another by."""
        return (self.span, self.code, self.expected, self.fix)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Return what findings are sorted by: position, then code."""
        return (-1, 0, self.code, self.message) if self.span is None else (
            self.span.line, self.span.column, self.code, self.message)  # fmt: skip


def registry_error(name: str, lines: Sequence[str], findings: Sequence[Finding]) -> RegistryError:
    """Return one error with all findings, sorted, without duplicates (two routes may share an anchor)."""
    places = {finding.place: finding for finding in sorted(findings, key=lambda finding: finding.order, reverse=True)}
    unique = list(reversed(places.values()))
    blocks = [_render(name, lines, finding) for finding in unique[:MOST_SHOWN]]
    if rest := Counter(finding.code for finding in unique[MOST_SHOWN:]):
        blocks.append(f"and {listing([f'{count} more [{code}]' for code, count in rest.most_common()], last='and')}")
    summary = f"{len(unique)} {'fault' if len(unique) == 1 else 'faults'} in {name}"
    text = "\n\n".join([*blocks, summary])
    return RegistryError(summary, text=text, count=len(unique), hint="run `gateway check` and repair what it names")


def _render(name: str, lines: Sequence[str], finding: Finding) -> str:
    if finding.span is None:
        rows = [f"{name}: {finding.message}  [{finding.code}]"]
    else:
        where = f"{name}:{finding.span.line + 1}:{finding.span.column + 1}"
        rows = [f"{where}: {finding.message}  [{finding.code}]", *_source(lines, finding.span)]
    if finding.expected:
        rows.append(f"  expected: {finding.expected}")
    if finding.fix:
        rows.append(f"  fix: {finding.fix}")
    return "\n".join(rows)


def _source(lines: Sequence[str], span: Span) -> list[str]:
    if span.line >= len(lines):
        return []
    # Control characters of the file must not reach a terminal.
    source = "".join(char if char.isprintable() else " " for char in lines[span.line])
    column = span.column
    length = max(1, min(span.length, len(source) - column))
    if len(source) > _WIDEST:
        start = max(0, column - _WIDEST // 2)
        source, column = source[start : start + _WIDEST], column - start
        length = min(length, _WIDEST - column)
    number = f"{span.line + 1:>5}"
    pad, marks = _cells(source[:column]), _cells(source[column : column + length]) or length
    return [f"{number} | {source}", f"{'':>5} | {' ' * pad}{'^' * marks}"]


def _cells(text: str) -> int:
    """Return the width in terminal cells: East Asian wide characters count two, combining marks none."""
    if text.isascii():
        return len(text)
    bases = [char for char in text if not unicodedata.combining(char)]
    return len(bases) + sum(unicodedata.east_asian_width(char) in "WF" for char in bases)
