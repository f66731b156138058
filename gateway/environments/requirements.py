"""
Read a requirements file: what is to be installed, flat, and without what no key could cover.

Files that it names (`-r`, `-c`) and wheels beside it are part of it. Folders of source (`-e .`), repositories and
addresses without a digest are refused: their content may change while the file stays the same.
"""

import contextlib
import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from gateway.errors import LoadError
from gateway.system import files

#: A lock of a thousand packages with all hashes of each is 1 MB.
_MOST_BYTES: Final = 16 * 2**20
_MOST_WHEEL_BYTES: Final = 8 * 2**30
_MOST_FILES: Final = 100
#: Options that say where packages come from and which of them count; their values stand in the key as they are.
_OPTIONS: Final = {
    "-i": "--index-url", "--index-url": "", "--extra-index-url": "", "-f": "--find-links", "--find-links": "",
    "--no-index": "", "--no-binary": "", "--only-binary": "", "--pre": "", "--require-hashes": "",
    "--prefer-binary": "",
}  # fmt: skip
_WITHOUT_VALUE: Final = frozenset({"--no-index", "--pre", "--require-hashes", "--prefer-binary"})
_OTHERS: Final = {"-r": "--requirement", "--requirement": "", "-c": "--constraint", "--constraint": ""}
_EDITABLE: Final = frozenset({"-e", "--editable"})
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_SHA256: Final = re.compile(r"sha256=[0-9a-f]{64}", re.IGNORECASE)


@dataclass(slots=True)
class Requirements:
    """
    Hold what requirements files say together.

    `lines` are the requirements and `constraints` those of `-c`, in which wheels are absolute paths; `options` are
    words for uv. `sources` are the files that were read, `wheels` the digests of local wheels. `unpinned` are names
    whose version may be another one on another day.
    """

    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    sources: list[Path] = field(default_factory=list)
    wheels: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    unpinned: list[str] = field(default_factory=list)

    @property
    def identity(self) -> list[object]:
        """Return what decides which packages are installed; paths of wheels do not, their bytes do."""
        return [sorted(map(self._portable, self.lines)), sorted(self.constraints), self.options]

    def _portable(self, line: str) -> str:
        place, _, marker = line.partition(" ; ")
        return f"{Path(place).name} {self.wheels[place]} ; {marker}" if place in self.wheels else line


def read_requirements(path: Path) -> Requirements:
    """Return what a file and those that it names say; raises LoadError with the file and the line."""
    found = Requirements()
    _read(path, found, into=found.lines)
    if not found.lines:
        raise LoadError(
            f"{path.name} requires nothing",
            code="requirements-empty",
            hint="write the packages of the model into it, one a line: numpy and what the model is made of",
        )
    constrained = {Requirement(line).name for line in found.constraints if _is_pin(Requirement(line))}
    found.unpinned = [name for name in found.unpinned if name not in {canonicalize_name(one) for one in constrained}]
    return found


def files_of(path: Path) -> set[Path]:
    """Return the files that decide about an environment: this one, those that it names, and wheels beside them."""
    found = Requirements()
    with contextlib.suppress(LoadError):
        _read(path, found, into=found.lines)
    return {path, *found.sources, *map(Path, found.wheels)}


def _read(path: Path, found: Requirements, into: list[str]) -> None:
    path = Path(os.path.normpath(path))
    if path in found.sources:
        return
    found.sources.append(path)
    if len(found.sources) > _MOST_FILES:
        raise _fault(path, 0, f"names more than {_MOST_FILES} files", "write fewer files")
    for number, line in _lines(path):
        _take(path, number, line, found, into)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the logical lines with their numbers: without comments, continued ones joined."""
    try:
        text = files.read(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise LoadError(
            f"the requirements file {files.shortened(str(path))} cannot be read: {error.strerror or error}",
            code="requirements-missing",
            hint="write it, or correct the path; it is relative to the registry",
        ) from error
    except UnicodeDecodeError as error:
        raise _fault(path, 0, "is not UTF-8 text", "save it as UTF-8") from error
    waiting, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start if waiting else number
        line = _COMMENT.sub("", raw).rstrip()
        if line.endswith("\\"):
            waiting += line[:-1] + " "
            continue
        whole, waiting = (waiting + line).strip(), ""
        if whole:
            yield start, whole
    if waiting.strip():
        yield start, waiting.strip()


def _take(path: Path, number: int, line: str, found: Requirements, into: list[str]) -> None:
    if not line.startswith("-"):
        into.append(_requirement(path, number, line, found, is_constraint=into is found.constraints))
        return
    try:
        name, *values = shlex.split(line)
    except ValueError as error:
        raise _fault(path, number, f"cannot be split into words: {error}", "close its quotes") from error
    name, _, value = name.partition("=")
    if not name.startswith("--") and len(name) > 2:  # noqa: PLR2004 - `-rother.txt`
        name, value = name[:2], name[2:]
    value = value or " ".join(values)
    if name in _EDITABLE:
        raise _source_folder(path, number, value)
    if name in _OTHERS:
        is_constraint = "constraint" in (_OTHERS[name] or name)
        _read(path.parent / value, found, found.constraints if is_constraint else into)
        return
    if name not in _OPTIONS or bool(value) == (name in _WITHOUT_VALUE):
        allowed = ", ".join(one for one in (*_OTHERS, *_OPTIONS) if one.startswith("--"))
        raise _fault(path, number, f"'{line}' is an option that is not taken", f"delete it; these are taken: {allowed}")
    name = _OPTIONS[name] or name
    _refuse_credentials(path, number, value)
    if name == "--find-links" and not urlsplit(value).scheme:
        value = str(files.resolved(path.parent / value))
    found.options += [name, value] if value else [name]


def _requirement(path: Path, number: int, line: str, found: Requirements, *, is_constraint: bool) -> str:
    """Return a line as uv is to read it, wherever it is started."""
    text, _, hashes = line.partition(" --hash")
    wheel, _, marker = (part.strip() for part in text.partition(";"))
    if wheel.lower().endswith(".whl") and "://" not in wheel and "@" not in wheel:
        return _wheel(path, number, wheel, marker, found)
    if _is_place(wheel):
        raise _source_folder(path, number, wheel)
    try:
        parsed = Requirement(text.strip())
    except InvalidRequirement as error:
        said = str(error).splitlines()[0]
        raise _fault(
            path, number, f"'{text.strip()}' is no requirement: {said}", "write it as `name==1.2.3`"
        ) from error
    if parsed.url is not None:
        _check_address(path, number, parsed)
    if not is_constraint:
        name = canonicalize_name(parsed.name)
        found.names.append(name)
        if parsed.url is None and not _is_pin(parsed):
            found.unpinned.append(name)
    return f"{parsed}{' --hash' + hashes if hashes else ''}"


def _is_pin(parsed: Requirement) -> bool:
    return any(one.operator in {"==", "==="} and "*" not in one.version for one in parsed.specifier)


def _is_place(text: str) -> bool:
    return text.startswith((".", "/", "~", "git+", "hg+", "svn+")) or "://" in text.partition("@")[0]


def _wheel(path: Path, number: int, name: str, marker: str, found: Requirements) -> str:
    place = files.resolved(path.parent / name)
    digest = hashlib.sha256()
    try:
        for block in files.blocks(place, _MOST_WHEEL_BYTES):
            digest.update(block)
    except OSError as error:
        said = error.strerror or str(error)
        raise _fault(
            path, number, f"the wheel '{name}' cannot be read: {said}", "correct its path; it is relative to this file"
        ) from error
    found.wheels[str(place)] = digest.hexdigest()
    found.names.append(canonicalize_name(place.name.partition("-")[0]))
    return f"{place} ; {marker}" if marker else str(place)


def _check_address(path: Path, number: int, parsed: Requirement) -> None:
    url = parsed.url or ""
    _refuse_credentials(path, number, url)
    if urlsplit(url).scheme not in {"https", "file"} or not _SHA256.search(urlsplit(url).fragment):
        raise _fault(
            path,
            number,
            f"'{parsed.name}' comes from an address, {url}, whose content may change",
            "add the digest of the file (`#sha256=…`), or put a wheel beside the requirements file and name that: "
            f"`./{canonicalize_name(parsed.name).replace('-', '_')}-1.0-py3-none-any.whl`",
        )


def _refuse_credentials(path: Path, number: int, value: str) -> None:
    try:
        has_some = "${" in value or bool(urlsplit(value).password or urlsplit(value).username)
    except ValueError:
        has_some = False
    if has_some:
        raise _fault(
            path,
            number,
            "an address holds a name or a password, which would stand in manifests and logs",
            "give it to uv (`uv auth login`, ~/.netrc or uv.toml) and leave it out here",
        )


def _source_folder(path: Path, number: int, name: str) -> LoadError:
    return _fault(
        path,
        number,
        f"'{name}' is source, which may change while this file stays the same",
        "build a wheel of it (pip wheel --no-deps -w wheels FOLDER), and name it: ./wheels/NAME-1.0-py3-none-any.whl; "
        "single modules of the model belong into `files:` of the route",
    )


def _fault(path: Path, number: int, what: str, fix: str) -> LoadError:
    where = f"{path.name}, line {number}" if number else path.name
    return LoadError(f"{where}: {what}", code="requirements-line", hint=fix)
