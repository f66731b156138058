"""`gateway inspect`: list what a model file names and holds, without executing any of it."""

import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec

from gateway.artifacts.source_files import digest, locate
from gateway.cli.command import OK, Command, complete_path, print_line
from gateway.cli.place import limits_of
from gateway.errors import ArtifactError
from gateway.loaders.inspection.files import inspect as inspected
from gateway.loaders.inspection.report import Inspection
from gateway.settings.settings import Settings
from gateway.system.memory import address_space_bytes

#: Lines of one list that are shown; `--json` shows all.
_SHOWN: Final = 200
_NOTHING: Final = "nothing: this format holds data only"
_UNKNOWN: Final = "nothing that is known here; what reads this format decides what it may do"


@click.command("inspect", cls=Command)
@click.argument("file", shell_complete=complete_path, help="file or folder of a model")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def inspect(settings: Settings, *, file: str, as_json: bool) -> int:
    """List every global, type, operator and member of a model file without executing any of it."""
    path = locate(Path.cwd(), file)
    # What a file says it holds may be more than memory: then what was found until there is listed.
    _bound_memory(limits_of(settings).memory_bytes)
    found = inspected(path)
    if as_json:
        print_line(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        print_line("\n".join(_text(found, file, _sha256(path))))
    return OK


def _sha256(path: Path) -> str:
    try:
        return digest(path)[0]
    except ArtifactError as error:
        return f"none: {error.message}"


def _bound_memory(most: int) -> None:
    here, (soft, hard) = address_space_bytes(), resource.getrlimit(resource.RLIMIT_AS)
    if here and soft == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (here + most, hard))


def _text(found: Inspection, named: str, sha256: str) -> Iterable[str]:
    yield f"file      {_plain(named)}  ({found.size_bytes:,} bytes)"
    yield f"sha256    {sha256}"
    yield f"is        {_plain(found.what)}"
    yield from _listed("globals", "of the pickle, not executed:", found.globals)
    yield from _listed("types", "of the skops file, not made:", found.types)
    yield from _listed("operators", "of the graph:", found.operators)
    yield from _listed("arrays", "type and shape:", found.arrays)
    yield from _listed(
        "members", "with their unpacked bytes:", [f"{size:>13,}  {name}" for name, size in found.members]
    )
    yield from (f"warning   {_plain(text)}" for text in found.warnings[:_SHOWN])
    if found.is_empty:
        yield f"names     {_NOTHING if found.is_data else _UNKNOWN}"


def _listed(name: str, what: str, lines: list[str]) -> Iterable[str]:
    if lines:
        yield f"{name:<9} {what}"
        yield from (f"          {_plain(line)}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"          and {len(lines) - _SHOWN:,} more: --json lists all"


def _plain(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
