"""Change keys of one route in registry.yaml and keep every other byte: comments, order, quotes, line ends."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import yaml

from gateway.errors import GatewayError, RegistryError
from gateway.registry.add import last_line, replace_file
from gateway.registry.document import MOST_BYTES, parse
from gateway.registry.parse import parse_registry
from gateway.registry.spec import RegistrySpec
from gateway.system import files

#: Keys of an entry that are written in this order where it has none of them.
_ORDER: Final = ("artifact", "loader", "version", "sha256", "allow_pickle", "golden")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedRegistry:
    """Hold a registry as it was read (`old`) and as it would be (`new`), with its bytes. Nothing is written yet."""

    path: Path
    before: bytes
    after: bytes
    old: RegistrySpec
    new: RegistrySpec

    def write(self) -> None:
        """Replace the file by a rename; raises RegistryError if it was edited meanwhile, or cannot be written."""
        self._replace(self.before, self.after)

    def restore(self) -> None:
        """Put the old bytes back, unless somebody has edited the file since."""
        self._replace(self.after, self.before)

    def _replace(self, old: bytes, new: bytes) -> None:
        # The target of a link is edited, the link stays.
        target = files.resolved(self.path)
        try:
            replace_file(target, old, new)
        except OSError as error:
            raise RegistryError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="make the file and its folder writable, or edit the file that it is made from by hand, as the "
                "lines of --dry-run show",
            ) from error


def edit_route(path: Path, route: str, keys: Mapping[str, str | None], *, root_path: str = "") -> EditedRegistry:
    """
    Return the registry with other keys of one route: YAML scalars or lists to write, None to take out.

    Checks the new text whole. Raises RegistryError if it has faults, or if anything else would change with it.
    """
    data = files.read(path, MOST_BYTES)
    base = path.absolute().parent
    old = parse_registry(parse(data, str(path)), base, root_path=root_path)
    new = _edited(data.decode("utf-8"), route, keys, path).encode("utf-8")
    try:
        registry = parse_registry(parse(new, str(path)), base, root_path=root_path)
    except RegistryError as error:
        raise RegistryError(
            f"with the candidate {path} would have faults:\n{error.text}", count=error.count, hint=error.hint
        ) from error
    others = [spec for spec in old.routes if spec.path != route]
    if [spec for spec in registry.routes if spec.path != route] != others or registry.server != old.server:
        _by_hand(path, route, "other routes share what would be changed")
    return EditedRegistry(path=path, before=data, after=new, old=old, new=registry)


def _by_hand(path: Path, route: str, why: str) -> NoReturn:
    raise GatewayError(
        f"the entry of '{route}' in {path} cannot be edited safely: {why}",
        code="entry-not-editable",
        hint="write the entry as plain keys of its own, without anchors and aliases, then promote again",
    )


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def _edited(text: str, route: str, keys: Mapping[str, str | None], path: Path) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(mark)
    root = yaml.compose(body, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - parse_registry has refused everything else
    routes = next(value for key, value in root.value if key.value == "routes")
    key, node = next((key, value) for key, value in routes.value if key.value == route)
    if node.start_mark.index < key.end_mark.index:
        _by_hand(path, route, "it is an alias of another entry")
    if isinstance(node, yaml.ScalarNode):
        written = {"artifact": node.value, **{name: value for name, value in keys.items() if value is not None}}
        inside = ", ".join(f"{name}: {written[name]}" for name in _ORDER if name in written)
        edits = [_Edit(node.start_mark.index, node.end_mark.index, f"{{{inside}}}")]
    else:
        edits = _of_mapping(body, node, keys, newline="\r\n" if "\r\n" in text else "\n")
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        body = body[: edit.start] + edit.text + body[edit.end :]
    return mark + body


def _of_mapping(body: str, node: yaml.MappingNode, keys: Mapping[str, str | None], *, newline: str) -> list[_Edit]:
    there = {key.value: (key, value) for key, value in node.value}
    edits = _without(body, node, {name for name, value in keys.items() if value is None and name in there})
    for name, value in keys.items():
        if name in there and value is not None:
            found = there[name][1]
            edits.append(_Edit(found.start_mark.index, _end_of(found), value))
    new = [(name, keys[name]) for name in _ORDER if keys.get(name) is not None and name not in there]
    if new:
        edits.append(_inserted(body, node, there["artifact"], [f"{name}: {value}" for name, value in new], newline))
    return edits


def _end_of(node: yaml.Node) -> int:
    """Return where a value ends; the end mark of a block extends to the next token."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    return int(node.end_mark.index)


def _inserted(
    body: str, node: yaml.MappingNode, artifact: tuple[yaml.Node, yaml.Node], members: list[str], newline: str
) -> _Edit:
    """Put new keys behind `artifact`, in the form of the entry."""
    key, value = artifact
    if node.flow_style:
        end = value.end_mark.index
        return _Edit(end, end, "".join(f", {member}" for member in members))
    lines = body.splitlines(keepends=True)
    at = last_line(value) + 1
    start = sum(len(line) for line in lines[:at])
    indent = " " * key.start_mark.column
    first = "" if lines[at - 1].endswith(("\n", "\r")) else newline
    return _Edit(start, start, first + "".join(f"{indent}{member}{newline}" for member in members))


def _without(body: str, node: yaml.MappingNode, names: Collection[str]) -> list[_Edit]:
    """Take out keys with their values: their lines in a block, their members between braces."""
    gone = [at for at, (key, _) in enumerate(node.value) if key.value in names]
    if node.flow_style:
        return list(_without_members(node.value, gone))
    lines = body.splitlines(keepends=True)
    spans = [(node.value[at][0].start_mark.line, last_line(node.value[at][1]) + 1) for at in gone]
    return [_Edit(sum(map(len, lines[:first])), sum(map(len, lines[:end])), "") for first, end in spans]


def _without_members(members: Sequence[tuple[yaml.Node, yaml.Node]], gone: Sequence[int]) -> Iterator[_Edit]:
    """Yield the edits that delete members between braces, none of which reaches into another."""
    kept = max(at for at in range(len(members)) if at not in gone)
    for at in gone:
        if at < kept:
            yield _Edit(members[at][0].start_mark.index, members[at + 1][0].start_mark.index, "")
    if kept + 1 < len(members):
        yield _Edit(members[kept][1].end_mark.index, members[-1][1].end_mark.index, "")
