"""Append one route to registry.yaml and keep every other byte: comments, quotes, indentation, line ends."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import yaml

from gateway.artifacts.mlflow_reference import is_reference
from gateway.artifacts.source_files import digest, locate, split_entry
from gateway.errors import ArtifactError, RegistryError
from gateway.registry.document import MOST_BYTES, parse, read
from gateway.registry.files import holds_pickle
from gateway.registry.parse import parse_registry
from gateway.registry.scalars import resolve
from gateway.registry.spec import RegistrySpec
from gateway.system import atomic, files
from gateway.system.terminal_text import printable

_INDENT: Final = "  "
#: What the first route is added to.
_FIRST: Final = b"version: 1\nroutes:\n"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./~-]+(?::[A-Za-z0-9_]+)?")


def add_route(
    registry: Path,
    artifacts: Sequence[str],
    route: str,
    *,
    paths: Sequence[Path] = (),
    loader: str | None = None,
    allow_pickle: bool = False,
    allow_types: Sequence[str] = (),
    executor: str | None = None,
    allow_code: bool = False,
    admit: Callable[[RegistrySpec], object] = lambda registry: None,
    root_path: str = "",
) -> str:
    """
    Append `route` with `artifacts` (paths relative to the working folder) and return the added lines.

    `paths` are where they lie; of a reference into an MLflow store that is its copy. `executor` is YAML: a kind, or a
    mapping with its keys; a model on another server has no artifact. `admit` gets the registry as it would be, and
    raises where the route is not to be added.

    Creates the registry if it does not exist; its folder must exist. Checks the new file whole before it replaces the
    old one by a rename in the same folder. Raises RegistryError if the registry has faults, before or after, and
    ArtifactError if the artifact does not exist.
    """
    target = files.resolved(registry)
    # As the gateway reads it: relative to the named registry, not to the target of a link.
    base = registry.absolute().parent
    is_new = not os.path.lexists(target) and target.parent.is_dir()
    old = parse_registry(parse(_FIRST, str(registry)) if is_new else read(registry), base)
    _check_free(old, route)
    is_named = bool(artifacts) and is_reference(artifacts[0])
    sources = list(paths) or [locate(Path.cwd(), artifact) for artifact in artifacts if not is_reference(artifact)]
    pickle = next((one for one, source in zip(artifacts, sources, strict=False) if _is_pickle(one, source)), None)
    if pickle is not None and not allow_pickle:
        raise ArtifactError(
            f"'{pickle}' is a pickle, which can run any code when it is loaded",
            code="pickle-not-allowed",
            hint="save it as .skops; or read its imports with `gateway describe`, then add it with --allow-pickle",
        )
    keys = {}
    if artifacts:
        keys["artifact"] = one_or_list([quoted(relative_artifact(artifact, base)) for artifact in artifacts])
    if executor is not None:
        keys["executor"] = executor
    if loader is not None:
        keys["loader"] = quoted(loader)
    if allow_pickle:
        keys["allow_pickle"] = "true"
    if allow_types:
        keys["allow_types"] = f"[{', '.join(allow_types)}]"
    if allow_code:
        keys["allow_code"] = "true"
    if (allow_pickle or allow_code) and not is_named:  # of a reference, the generation names the digest that was taken
        keys["sha256"] = one_or_list([quoted(digest(source)[0]) for source in sources])
    data = _FIRST if is_new else files.read(target, MOST_BYTES)
    added, new = _insert(data.decode("utf-8"), route, keys)
    admit(_check(new, old, route, registry, root_path))
    try:
        _create(target, new.encode("utf-8")) if is_new else replace_file(target, data, new.encode("utf-8"))
    except OSError as error:
        raise RegistryError(
            f"{registry} cannot be written: {error.strerror}", hint="make its folder writable for the user that adds"
        ) from error
    return added


def _is_pickle(artifact: str, source: Path) -> bool:
    return holds_pickle(source.name if is_reference(artifact) else artifact, source)


def _check_free(old: RegistrySpec, route: str) -> None:
    for spec in old.routes:
        if route in {spec.path, *spec.aliases, *spec.pages}:
            raise RegistryError(
                f"path '{route}' is already taken by route '{spec.path}' ({', '.join(spec.sources)})",
                hint="take another path, or edit that entry",
            )


def relative_artifact(artifact: str, base: Path) -> str:
    if is_reference(artifact):
        return artifact
    name, entry = split_entry(artifact)
    # Links stay links: their target may be replaced on purpose.
    path = Path(os.path.relpath(Path.cwd() / name, base)).as_posix()
    return path if entry is None else f"{path}:{entry}"


def _check(new: str, old: RegistrySpec, route: str, registry: Path, root_path: str) -> RegistrySpec:
    """Parse and return the new text; refuse it if other routes have changed."""
    spec = parse_registry(parse(new.encode("utf-8"), str(registry)), registry.absolute().parent, root_path=root_path)
    if spec.routes[:-1] != old.routes or spec.routes[-1].path != route or spec.server != old.server:
        raise RegistryError(
            f"an entry for '{route}' cannot be appended to {registry} safely",
            hint="add it by hand under `routes:`",
        )
    return spec


def _insert(text: str, route: str, keys: dict[str, str]) -> tuple[str, str]:
    """Return the added lines, and the whole text with them."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    # The byte order mark is no character of the first line for the parser.
    root = yaml.compose(text.removeprefix("\ufeff"), yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - parse_registry has refused everything else
    key, node = next((key, value) for key, value in root.value if key.value == "routes")
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        first, first_value = node.value[0]
        indent = " " * first.start_mark.column
        at = _end_of_entry(lines, node.value[-1][1], first.start_mark.column)
        step = _step(first_value, first.start_mark.column)
    elif isinstance(node, yaml.MappingNode) and node.value:
        raise RegistryError(
            "the routes stand in braces: {…}", hint="write `routes:` as a block, one route per line, then add again"
        )
    else:
        at, indent, step = key.start_mark.line + 1, " " * key.start_mark.column + _INDENT, _INDENT
        lines[at - 1] = _without_value(lines[at - 1], key.end_mark.column, node)
    added = "".join(f"{line}{newline}" for line in _entry(route, keys, indent, step))
    if lines and at > 0 and not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += newline
    return added, "".join([*lines[:at], added, *lines[at:]])


def _entry(route: str, keys: dict[str, str], indent: str, step: str) -> list[str]:
    if list(keys) == ["artifact"] and not keys["artifact"].startswith("["):
        return [f"{indent}{quoted(route)}: {keys['artifact']}"]
    rows = [f"{indent}{step}{name}: {value}" for name, value in keys.items()]
    return [f"{indent}{quoted(route)}:", *rows]


def one_or_list(scalars: Sequence[str]) -> str:
    """Return one YAML scalar as it is, several as a list."""
    return scalars[0] if len(scalars) == 1 else f"[{', '.join(scalars)}]"


def quoted(text: str) -> str:
    """Return a scalar that reads back as `text`, unquoted if that is safe."""
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    # A line end in quotes would read back as a blank, a control character as no YAML at all.
    return '"' + printable(escaped).replace("\n", "\\n").replace("\t", "\\t") + '"'


def _step(value: yaml.Node, column: int) -> str:
    """Return the indentation of the keys of a route in this file."""
    if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        return " " * max(1, int(value.value[0][0].start_mark.column) - column)
    return _INDENT


def _end_of_entry(lines: list[str], node: yaml.Node, column: int) -> int:
    """Return the line after an entry, including trailing comments that are indented deeper."""
    end = last_line(node) + 1
    at = end
    while at < len(lines):
        line = lines[at]
        stripped = line.strip()
        if stripped and not (stripped.startswith("#") and len(line) - len(line.lstrip()) > column):
            break
        at += 1
        if stripped:
            end = at
    return end


def last_line(node: yaml.Node) -> int:
    """Return the line on which a value ends; the end marks of YAML blocks extend to the next token."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        mark = node.end_mark
        return max(node.start_mark.line, mark.line - 1 if mark.column == 0 else mark.line)
    last = node.value[-1]
    return last_line(last[1] if isinstance(node, yaml.MappingNode) else last)


def _without_value(line: str, column: int, node: yaml.Node) -> str:
    """Delete an empty value (`{}`, `null`, `~`) behind `routes:`; comments stay."""
    width = node.end_mark.column - node.start_mark.column
    if width <= 0 or node.start_mark.line != node.end_mark.line:
        return line
    start = node.start_mark.column
    rest = line[start + width :]
    return f"{line[: column + 1]}{rest if rest.strip() else rest.lstrip(' ')}"


def replace_file(target: Path, old: bytes, new: bytes) -> None:
    """Replace the file by a rename; refuses if another process has written it in the meantime."""
    with atomic.replacing(target, durable=True) as draft:
        draft.write_bytes(new)
        draft.chmod(target.stat().st_mode & 0o7777)
        if files.read(target, MOST_BYTES) != old:
            raise RegistryError(f"{target.name} was changed meanwhile", hint="run the command again")


def _create(target: Path, new: bytes) -> None:
    """Write the first registry of a folder; refuses if another process has created one in the meantime."""
    try:
        with target.open("xb") as file:
            file.write(new)
    except FileExistsError as error:
        raise RegistryError(f"{target.name} was changed meanwhile", hint="run the command again") from error
