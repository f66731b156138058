"""Turn errors of the YAML parser into faults with a position and a fix."""

import codecs
import re

import yaml

from gateway.errors import RegistryError
from gateway.registry.parse_recovery import BREAK, has_tab
from gateway.registry.report import Finding, Span, registry_error


def whole_file(
    name: str, code: str, message: str, *, expected: str | None = None, fix: str | None = None
) -> RegistryError:
    """Build the error of a file as a whole."""
    return registry_error(name, [], [Finding(span=None, code=code, message=message, expected=expected, fix=fix)])


def decode(data: bytes, name: str) -> tuple[str, list[Finding], list[int]]:
    """
    Return the text without a byte order mark, its encoding faults, and the positions of replaced characters.

    Reports one fault per line. Raises RegistryError for other encodings, in which no other fault can be found.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise registry_error(name, [], [_not_utf8(Span(0, 0), data[0])])
    # Each byte that is not UTF-8 becomes one character of its own, so that the others stay in their places.
    text = data.decode("utf-8-sig", "surrogateescape")
    if _BAD.search(text) is None:
        return text, [], []
    findings = [
        _bad_character(Span(at, match.start()), match[0])
        for at, line in enumerate(BREAK.split(text))
        if (match := _BAD.search(line))
    ]
    return _BAD.sub("\ufffd", text), findings, [match.start() for match in _BAD.finditer(text)]


#: What YAML does not allow, and bytes that are no text.
_BAD = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _bad_character(span: Span, char: str) -> Finding:
    if "\udc80" <= char <= "\udcff":
        return _not_utf8(span, ord(char) - 0xDC00)
    what = f"control character U+{ord(char):04X} in the text"
    return Finding(span=span, code="bad-character", message=what, fix="delete it, or write it as \\x.. in quotes")


def _not_utf8(span: Span, byte: int) -> Finding:
    message = f"byte 0x{byte:02x} is not UTF-8"
    return Finding(
        span=span, code="not-utf8", message=message, expected="a file in UTF-8", fix="save the file as UTF-8"
    )


def syntax_finding(error: yaml.MarkedYAMLError, lines: list[str]) -> Finding:
    """Turn an error of the YAML parser into a finding."""
    mark = error.problem_mark or error.context_mark
    span = Span(mark.line, mark.column) if mark else Span(0, 0)
    line = lines[span.line] if span.line < len(lines) else ""
    if has_tab(line):
        return tab_finding(span.line, line)
    problem = error.problem or "not YAML"
    message = _MESSAGES.get(problem) or (f"{problem}, {error.context}" if error.context else problem)
    fix = _FIXES.get(problem, "a missing quote, bracket or colon stands here or shortly before")
    return Finding(span=span, code="yaml-syntax", message=message, fix=fix)


_MESSAGES = {
    "second occurrence": "an anchor of this name is defined before",
    "did not find expected <document start>": "text behind the end of the document, which a line `...` says",
}
_FIXES = {
    "second occurrence": "rename one of the two, and the aliases that mean it",
    "did not find expected <document start>": "delete the line `...`",
    "mapping values are not allowed in this context": "quote a text that holds ': ', or check the indentation",
    "found undefined alias": "quote a text that starts with '*', or define the anchor before",
    "did not find expected '-' indicator": "give the line the indentation of its neighbours",
    "found character that cannot start any token": "quote a text that starts with '@', '`' or '%'",
}


def tab_finding(number: int, line: str) -> Finding:
    """Build the fault of a line that is indented with a tab."""
    span = Span(number, line.index("\t"))
    return Finding(span=span, code="tab-indent", message="a tab in the indentation", fix="indent with spaces")
