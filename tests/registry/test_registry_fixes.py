"""A `fix:` of a registry fault that is an edit is made, by a machine, as it is written: then the fault is gone."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.errors import RegistryError
from gateway.registry.load import load_registry

ERRORS = Path(__file__).parent / "errors"
_FAULT = re.compile(
    r"^\S+?\.yaml:(?P<line>\d+):(?P<column>\d+): (?P<message>.+?)  \[(?P<code>[a-z0-9-]+)\]\n"
    r"(?P<body>(?:[ ]+.*\n)*)",
    re.MULTILINE,
)
_WORD = r"[A-Za-z_]+[A-Za-z0-9_]*"


class Shown(NamedTuple):
    """Hold one fault of a report: where, how wide its mark is, and what it says to do."""

    code: str
    message: str
    line: int
    column: int
    width: int
    fix: str


def faults_of(report: str) -> list[Shown]:
    """Read a report as a person does."""
    found = []
    for match in _FAULT.finditer(report):
        carets = re.search(r"\| +(\^+)$", match["body"], re.MULTILINE)
        fix = re.search(r"^  fix: (.+)$", match["body"], re.MULTILINE)
        width = len(carets[1]) if carets else 0
        place = int(match["line"]) - 1, int(match["column"]) - 1
        found.append(Shown(match["code"], match["message"], *place, width, fix[1] if fix else ""))
    return found


def edited(text: str, fault: Shown) -> str | None:
    """Return the registry with the fix applied; None for one that is no edit of the marked place."""
    lines = text.splitlines(keepends=True)
    line, start = lines[fault.line], fault.column
    end = start + fault.width
    for pattern in (
        r"did you mean '(.+)'\?",
        r"rename it to '(.+)'",
        r"quote it: (.+)",
        r"write (null)",
        r"write '(.+?)'(?:: it .+| if the text itself is meant)?",
        r"another path, for example '(.+)'",
        r"restore the pinned file, or check the new one and set sha256: (.+)",
    ):
        if match := re.fullmatch(pattern, fault.fix):
            lines[fault.line] = line[:start] + match[1] + line[end:]
            return "".join(lines)
    if re.fullmatch(r"delete (it|one|the tag|the alias|'.+', or .+)", fault.fix):
        lines[fault.line] = _without(line, start, end)
        return "".join(lines)
    if match := re.fullmatch(r"add `(?!sha256:`)(.+?)`(?: and `(.+?)`)?(?: to one of them)?", fault.fix):
        lines[fault.line] = _with(line, end, ", ".join(filter(None, match.groups())))
        return "".join(lines)
    return _replaced(lines, fault)


def _replaced(lines: list[str], fault: Shown) -> str | None:
    """Follow `key: value`, one or several of them, or a whole entry."""
    line, end = lines[fault.line], fault.column + fault.width
    pairs = re.findall(rf"({_WORD}): (\[.+?\]|\{{.+?\}}|[^,]+)", fault.fix)
    if not pairs or ", ".join(f"{key}: {value}" for key, value in pairs) != fault.fix:
        if re.fullmatch(r"/\S+: \S+", fault.fix):  # a whole entry
            lines[fault.line] = f"  {fault.fix}\n"
            return "".join(lines)
        return None
    for key, value in pairs:
        line, count = re.subn(
            rf"\b{key}: *(\[[^\]]*\]|\{{[^}}]*\}}|'[^']*'|\"[^\"]*\"|[^,}}\n]+)", f"{key}: {value}", line
        )
        if not count:
            line = line[: fault.column] + value + line[end:]
    lines[fault.line] = line
    return "".join(lines)


def _without(line: str, start: int, end: int) -> str:
    """Delete a key with its value, an item of a list, or a tag."""
    rest = line[end:]
    if line[start:].startswith("!"):
        return line[:start] + line[start:].partition(" ")[2]
    if line[:start].strip() == "" and rest.startswith(":"):
        return ""
    depth, after = 0, ""
    for at, sign in enumerate(rest):
        depth += (sign in "[{") - (sign in "]}")
        if depth < 0 or (sign == "," and depth == 0):
            after = rest[at:]
            break
    before = line[:start]
    return before + after.lstrip(", ") if after.startswith(",") else before.rstrip(", ") + after


def _with(line: str, end: int, added: str) -> str:
    """Add keys to the mapping in which the mark stands; a route of one line becomes a mapping."""
    if "{" not in line:
        key, _, value = line.strip().partition(": ")
        return f"  {key}: {{artifact: {value}, {added}}}\n"
    depth, at = 0, end
    for at in range(end, len(line)):
        depth += (line[at] in "[{") - (line[at] in "]}")
        if depth < 0 or (depth == 0 and line[at] == "}"):
            break
    return f"{line[:at]}, {added}{line[at:]}"


def report_of(folder: Path, name: str) -> str:
    """Return what `gateway check` would say of a registry."""
    try:
        load_registry(folder / name, files=True, root_path="/ml")
    except RegistryError as error:
        return error.text + "\n"
    return ""


#: Fixes that are no edit of the marked place; each with the reason why no machine can make it.
ADVICE = {
    "artifact-uri": "the file has to be fetched",
    "bad-reference": "which model of the store is meant is not known",
    "bad-character": "the text that is meant is not known",
    "bad-pattern": "what the text should look like is known to its owner alone",
    "bad-sha256": "the word is printed by another command: see pickle-without-pin",
    "duplicate-key": "which of the two is meant is not known",
    "duplicate-path": "which of the two is meant is not known",
    "code-without-pin": "the word is printed by another command: see pickle-without-pin",
    "environment-broken": "the packages of the model have to be installed",
    "process-one-file": "which of the files is the model is not known",
    "bad-type": "the class that is meant is not known",
    "egress-refused": "whether that server may be asked is not known",
    "outside-roots": "whether that folder may be read is not known",
    "empty-registry": "there is no line to mark; made below",
    "executor-url": "the server that is meant is not known",
    "files-missing": "the file that is meant is not known",
    "missing-routes": "there is no line to mark; made below",
    "missing-version": "there is no line to mark; made below",
    "no-default": "the routes that need it are not known",
    "no-loader": "needs the tool that made the model: tests/loaders/test_foreign.py",
    "not-a-file": "the file that is meant is not known",
    "not-utf8": "made below",
    "pickle-without-pin": "made below",
    "pins-of-files": "the words are printed by another command: see pickle-without-pin",
    "recursive-alias": "what it should hold is not known",
    "reference-in-list": "the models have to be logged as one",
    "tab-indent": "made below",
    "unreadable-file": "made below",
    "yaml-syntax": "what is meant is not known",
}
#: Several fixes of a pair, of which some are advice.
ADVICE_TEXTS = (
    "train it, or correct the path",
    "write it, or correct the path",
    "write `version: 1` first",
    "change the ",
    "lower '",
    "delete one of the two",
    "write the keys out",
    "take the first word",
    "name the label: $probability",
    '"*": $inputs',
    "response: {prediction: $value}, or delete",
    "give it a key of its own",
    "start with `version: 1`",
)
PAIRS = sorted(path.stem for path in ERRORS.glob("*.yaml"))


@pytest.mark.parametrize("code", [code for code in PAIRS if code not in ADVICE])
def test_the_edit_that_is_told_is_made_and_the_fault_is_gone(code: str, tmp_path: Path) -> None:
    """Each fault of a golden pair by itself: the fix is applied as it stands, and the same fault is not found again."""
    folder = tmp_path / "errors"
    shutil.copytree(ERRORS, folder)
    name = f"{code}.yaml"
    text = (folder / name).read_text(encoding="utf-8")
    made = 0
    for fault in faults_of((ERRORS / f"{code}.txt").read_text(encoding="utf-8")):
        if not fault.fix or fault.fix.startswith(ADVICE_TEXTS):
            continue
        new = edited(text, fault)
        assert new is not None, f"neither an edit nor advice: {fault.fix!r}"
        (folder / name).write_text(new, encoding="utf-8")
        left = [(one.code, one.message) for one in faults_of(report_of(folder, name))]
        assert (fault.code, fault.message) not in left, f"{fault.fix!r} did not help:\n{new}"
        broken = {"yaml-syntax", "duplicate-key"} & {code for code, _ in left}
        assert not broken, f"{fault.fix!r} broke the file:\n{new}"
        made += 1
    texts = [fault.fix for fault in faults_of((ERRORS / f"{code}.txt").read_text(encoding="utf-8"))]
    assert made or all(not text or text.startswith(ADVICE_TEXTS) for text in texts)


def test_advice_is_of_pairs_that_are_there() -> None:
    """The list above names golden pairs, each once, and nothing that an edit could do."""
    names = {path.stem for path in ERRORS.glob("*.txt")}
    assert set(ADVICE) <= names


@pytest.mark.parametrize(
    ("before", "code", "after"),
    [
        (b"", "empty-registry", b"version: 1\nroutes: {}\n"),
        (b"routes: {}\n", "missing-version", b"version: 1\nroutes: {}\n"),
        (b"version: 1\n", "missing-routes", b"version: 1\nroutes:\n"),
        (b"version: 1\nroutes:\n\t/x: sample.onnx\n", "tab-indent", b"version: 1\nroutes:\n  /x: sample.onnx\n"),
        (b"version: 1\n---\nroutes: {}\n", "yaml-syntax", b"version: 1\nroutes: {}\n"),
        (b"version: 1\n...\nroutes: {}\n", "yaml-syntax", b"version: 1\nroutes: {}\n"),
        (
            b"version: &a 1\nroutes: &a {/x: sample.onnx, /y: *a}\n",
            "yaml-syntax",
            b"version: &b 1\nroutes: {/x: &a sample.onnx, /y: *a}\n",
        ),
        ("version: 1 # é\nroutes: {}\n".encode("latin-1"), "not-utf8", "version: 1 # é\nroutes: {}\n".encode()),
    ],
)
def test_fixes_without_a_mark(before: bytes, code: str, after: bytes, tmp_path: Path) -> None:
    """What such a fix says is done, and the registry is whole."""
    shutil.copy(ERRORS / "sample.onnx", tmp_path / "sample.onnx")
    path = tmp_path / "registry.yaml"
    path.write_bytes(before)
    assert f"[{code}]" in report_of(tmp_path, path.name)
    path.write_bytes(after)
    assert report_of(tmp_path, path.name) == ""
