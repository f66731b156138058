"""
A file of keys that commands wrote is read by its lines, in the time that thousands of keys need; all others as YAML.

OWASP: API2
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.security import key_changes, key_file, key_yaml
from gateway.security.key_file import KeyFile
from gateway.security.keyring import Keyring
from security.test_keys import NOW, TOKENS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with three keys and a section of tokens, as commands wrote it."""
    path = tmp_path / "keys.yaml"
    for name, limits in (("a: 'b' \"c\" # é 🙂", None), ("0x1", {"requests": "100/s", "daily": 5}), ("", {})):
        made = key_changes.create(path, ["predict:/a", "catalog"], NOW, name=name, limits=limits, by="alice")
    key_changes.rotate(path, made.key.id, NOW, NOW + timedelta(hours=1), by="bob")
    whole = key_file.read(path)
    assert whole is not None
    key_file.write(path, KeyFile(whole.keys, TOKENS))
    return path


def test_both_ways_read_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment makes it a file that was edited by hand: its keys are those that the lines said."""
    content = path.read_bytes()
    as_yaml = key_file.parse(path, b"# by hand\n" + content)
    monkeypatch.delattr(key_yaml, "load")
    as_lines = key_file.parse(path, content)
    assert as_lines == as_yaml
    assert (len(as_lines.keys), as_lines.jwt) == (3, TOKENS)


def test_a_key_that_did_not_change_is_not_read_again(path: Path) -> None:
    """One is revoked: the others are the same objects as before, in the file and among what counts."""
    ring = Keyring(path)
    before, counted = ring.content.keys, dict(ring._by_id)
    key_changes.revoke(path, before[1].id, NOW)
    assert ring.look()
    assert [one is other for one, other in zip(ring.content.keys, before, strict=True)] == [True, False, True]
    assert [ring._by_id[key.id] is counted[key.id] for key in before] == [True, False, True]
    assert ring._by_id[before[1].id].revoked


EDITS: dict[str, Callable[[str], str]] = {
    "a name that is there twice": lambda text: text.replace("    scopes:", '    name: "x"\n    scopes:', 1),
    "a name that is there twice within": lambda text: text.replace('{"sha256":', '{"sha256": "", "sha256":', 1),
    "a key that is there twice": lambda text: text.replace("jwt:", "".join(text.partition("  - ")[1:]), 1),
    "an unknown member": lambda text: text.replace("    scopes:", '    scope: "x"\n    scopes:', 1),
    "a scope that is none": lambda text: text.replace('"catalog"', '"catalogue"', 1),
    "no end of a text": lambda text: text.replace('"catalog"', '"catalog', 1),
    "half of the last line": lambda text: text[:-20],
    "a text behind it": lambda text: text + "x\n",
    "algorithms of secrets": lambda text: text.replace('"jwks"', '"algorithms": ["HS256"], "jwks"', 1),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_wrong_is_told_as_of_every_file(path: Path, edit: Callable[[str], str]) -> None:
    """Lines are taken only where they are as a command writes them; whatever else they hold, YAML judges."""
    text = path.read_text()
    edited = edit(text)
    assert edited != text
    with pytest.raises(GatewayError) as by_lines:
        key_file.parse(path, edited.encode())
    with pytest.raises(GatewayError) as as_yaml:
        key_file.parse(path, b"---\n" + edited.encode())
    assert (by_lines.value.code, by_lines.value.hint) == (as_yaml.value.code, as_yaml.value.hint)


@pytest.mark.parametrize(
    ("edit", "scopes"),
    [
        (lambda text: text.replace('["predict:/a", "catalog"]', "[metrics]"), ("metrics",)),
        (lambda text: text.replace('["predict:/a", "catalog"]', '[ "metrics" ]'), ("metrics",)),
        (lambda text: text.replace("    scopes: ", "    # whose\n    scopes: "), ("predict:/a", "catalog")),
        (lambda text: text.replace("keys:\n", "keys:\n\n"), ("predict:/a", "catalog")),
        (lambda text: text.replace("\n", "\r\n"), ("predict:/a", "catalog")),
    ],
    ids=["plain text", "blanks", "a comment", "an empty line", "ends of lines"],
)
def test_edits_by_hand_count(path: Path, edit: Callable[[str], str], scopes: tuple[str, ...]) -> None:
    """They are read as YAML, as ever."""
    found = key_file.parse(path, edit(path.read_text()).encode())
    assert {key.scopes for key in found.keys} == {scopes}
    assert found.jwt == TOKENS
