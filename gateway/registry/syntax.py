"""What makes a file no YAML at all, said with a position and a repair."""

import yaml

from gateway.errors import RegistryError
from gateway.registry.report import Finding, Span, registry_error


def whole_file(
    name: str, code: str, message: str, *, expected: str | None = None, fix: str | None = None
) -> RegistryError:
    """Build the error of a file as a whole."""
    return registry_error(name, [], [Finding(span=None, code=code, message=message, expected=expected, fix=fix)])


def decode(data: bytes, name: str) -> str:
    """Return the text of UTF-8 bytes, without a byte order mark; raises RegistryError at the first other byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        span = Span(before.count("\n"), len(before) - before.rfind("\n") - 1)
        finding = Finding(
            span=span,
            code="not-utf8",
            message=f"byte 0x{data[error.start]:02x} is not UTF-8",
            expected="a file in UTF-8",
            fix="save the file as UTF-8",
        )
        raise registry_error(name, data.decode("utf-8", "replace").splitlines(), [finding]) from error


def syntax_finding(error: yaml.YAMLError, text: str, lines: list[str]) -> Finding:
    """Turn an error of the YAML parser into a finding."""
    if isinstance(error, yaml.reader.ReaderError):
        offset = next((i for i, char in enumerate(text) if not _printable(char)), 0)
        before = text[:offset]
        span = Span(before.count("\n"), offset - before.rfind("\n") - 1)
        what = f"control character U+{ord(text[offset]):04X} in the text"
        return Finding(span=span, code="bad-character", message=what, fix="delete it, or write it as \\x.. in quotes")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    span = Span(mark.line, mark.column) if mark else Span(0, 0)
    line = lines[span.line] if span.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        tab = Span(span.line, line.index("\t"))
        return Finding(span=tab, code="tab-indent", message="a tab in the indentation", fix="indent with spaces")
    problem = getattr(error, "problem", None) or "not YAML"
    context = getattr(error, "context", None)
    message = f"{problem}, {context}" if context else problem
    fix = _FIXES.get(problem, "a missing quote, bracket or colon stands here or shortly before")
    return Finding(span=span, code="yaml-syntax", message=message, fix=fix)


_FIXES = {
    "mapping values are not allowed in this context": "quote a text that holds ': ', or check the indentation",
    "but found another document": "keep one document: delete the line `---` between them",
    "found undefined alias": "quote a text that starts with '*', or define the anchor before",
    "did not find expected '-' indicator": "give the line the indentation of its neighbours",
    "found character that cannot start any token": "quote a text that starts with '@', '`' or '%'",
}


def _printable(char: str) -> bool:
    return char in "\t\n\r\x85" or " " <= char <= "~" or char >= "\xa0"
