"""Keys of one route change in registry.yaml, and nothing else does."""

from pathlib import Path

import pytest

from gateway.errors import GatewayError, RegistryError
from gateway.registry.edit_route import edit_route

PIN = "ab" * 32
KEYS = {"artifact": "new.stub", "version": '"2"', "sha256": PIN}
FORMS = {
    "block": (
        "/m:\n    artifact: old.stub  # the old one\n    # about the rest\n    timeout_s: 2\n",
        f'/m:\n    artifact: new.stub  # the old one\n    version: "2"\n    sha256: {PIN}\n    # about the rest\n    timeout_s: 2\n',
    ),
    "block with the keys": (
        '/m:\n    sha256: "' + "cd" * 32 + '"  # pin\n    version: one\n    artifact: "old.stub"\n',
        f'/m:\n    sha256: {PIN}  # pin\n    version: "2"\n    artifact: new.stub\n',
    ),
    "braces": (
        "/m: {artifact: old.stub, timeout_s: 2}  # short\n",
        f'/m: {{artifact: new.stub, version: "2", sha256: {PIN}, timeout_s: 2}}  # short\n',
    ),
    "braces of two lines": (
        "/m: {artifact: old.stub,\n       timeout_s: 2}\n",
        f'/m: {{artifact: new.stub, version: "2", sha256: {PIN},\n       timeout_s: 2}}\n',
    ),
    "text": ("/m: old.stub  # short\n", f'/m: {{artifact: new.stub, version: "2", sha256: {PIN}}}  # short\n'),
    "list": (
        "/m:\n    artifact:\n      - a.pkl\n      - b.pkl\n    timeout_s: 2\n",
        f'/m:\n    artifact:\n      new.stub\n    version: "2"\n    sha256: {PIN}\n    timeout_s: 2\n',
    ),
}
REST = "version: 1\n# routes of the clinic\nroutes:\n  /a: a.stub\n\n  {}  # behind\n  '/z': {{artifact: z.stub}}  # the last\nserver: {{strict: false}}\n"


def written(path: Path, text: str) -> Path:
    """Write a registry."""
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_form_keeps_what_stands_around(tmp_path: Path, form: str, newline: str, mark: str) -> None:
    """Comments, order, quotes, line ends and the byte order mark stay, in blocks, braces and short entries."""
    old, new = (mark + REST.format(text).replace("\n", newline) for text in FORMS[form])
    path = written(tmp_path / "registry.yaml", old)
    edited = edit_route(path, "/m", KEYS)
    assert edited.after.decode() == new
    spec = next(spec for spec in edited.new.routes if spec.path == "/m")
    assert (spec.artifact, spec.version, spec.sha256) == ("new.stub", "2", PIN)
    assert path.read_bytes() == edited.before
    edited.write()
    assert path.read_bytes() == edited.after
    edited.restore()
    assert path.read_bytes() == old.encode()


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("/m:\n    version: a  # gone\n    artifact: old.stub\n", "/m:\n    artifact: new.stub\n"),
        ("/m: {version: a, artifact: old.stub}\n", "/m: {artifact: new.stub}\n"),
        ("/m: {artifact: old.stub, version: a}\n", "/m: {artifact: new.stub}\n"),
        (f"/m: {{artifact: old.stub, version: a, sha256: {PIN}}}\n", "/m: {artifact: new.stub}\n"),
        (f"/m: {{version: a, sha256: {PIN}, artifact: old.stub}}\n", "/m: {artifact: new.stub}\n"),
        (
            f"/m: {{version: a, artifact: old.stub, sha256: {PIN}, critical: false}}\n",
            "/m: {artifact: new.stub, critical: false}\n",
        ),
    ],
)
def test_keys_can_go(tmp_path: Path, entry: str, left: str) -> None:
    """A pin and a version that say nothing of the new artifact are taken out."""
    path = written(tmp_path / "registry.yaml", REST.format(entry))
    edited = edit_route(path, "/m", {"artifact": "new.stub", "version": None, "sha256": None})
    assert edited.after.decode() == REST.format(left)


@pytest.mark.parametrize(
    ("entry", "last"),
    [("/m: &one {artifact: old.stub}", "/z: *one"), ("/z: &one {artifact: old.stub}", "/m: *one")],
)
def test_an_entry_that_others_share_is_refused(tmp_path: Path, entry: str, last: str) -> None:
    """What would change a second route is left to a person, with the reason."""
    path = written(tmp_path / "registry.yaml", f"version: 1\nroutes:\n  {entry}\n  {last}\n")
    with pytest.raises(GatewayError, match=r"entry of '/m' in .* cannot be edited safely") as caught:
        edit_route(path, "/m", KEYS)
    assert caught.value.code == "entry-not-editable"


def test_a_candidate_that_makes_the_file_faulty_is_refused(tmp_path: Path) -> None:
    """The new text is checked whole before anything is written."""
    path = written(tmp_path / "registry.yaml", REST.format("/m: old.stub\n"))
    with pytest.raises(RegistryError, match=r"with the candidate .* would have faults"):
        edit_route(path, "/m", {"artifact": "new.stub", "sha256": "short"})


def test_an_edit_meanwhile_wins(tmp_path: Path) -> None:
    """Neither the new bytes nor the old ones replace what somebody has written since."""
    path = written(tmp_path / "registry.yaml", REST.format("/m: old.stub\n"))
    edited = edit_route(path, "/m", KEYS)
    path.write_bytes(edited.before + b"# mine\n")
    with pytest.raises(RegistryError, match="was changed meanwhile"):
        edited.write()
    with pytest.raises(RegistryError, match="was changed meanwhile"):
        edited.restore()
    assert path.read_bytes().endswith(b"# mine\n")


def test_a_link_stays_one(tmp_path: Path) -> None:
    """The file that a link names is edited; paths start from the folder of the link."""
    (tmp_path / "real").mkdir()
    target = written(tmp_path / "real" / "r.yaml", REST.format("/m: old.stub\n"))
    link = tmp_path / "registry.yaml"
    link.symlink_to(target)
    edit_route(link, "/m", KEYS).write()
    assert link.is_symlink()
    assert b"new.stub" in target.read_bytes()
