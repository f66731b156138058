"""
Keys have 190 random bits, of which a private file keeps the sha256; they expire, are replaced and are revoked.

OWASP: API2
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.errors import GatewayError, UnauthorisedError
from gateway.security import api_key, key_changes, key_file
from gateway.security.keyring import Keyring

NOW = datetime.now(UTC).replace(microsecond=0)
TOKENS = {"issuer": "https://id.example", "audience": "gateway", "jwks": "https://id.example/keys"}
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a file of keys is to be."""
    return tmp_path / "keys.yaml"


def refusal(ring: Keyring, text: str) -> str:
    """Return why a key is refused."""
    with pytest.raises(UnauthorisedError) as refused:
        ring.principal_of(text)
    return refused.value.message


def test_a_key_is_known_by_what_was_printed_once(path: Path) -> None:
    """The file holds no secret; the text of the key gives its principal, with scopes and name."""
    issued = key_changes.create(path, ["predict:/loan", "catalog"], NOW, name="scoring team")
    assert api_key.parse(issued.text).id == issued.key.id
    assert issued.text not in path.read_text()
    assert issued.text.split("_")[2][:32] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    principal = Keyring(path).principal_of(issued.text)
    assert (principal.id, principal.kind, principal.name) == (issued.key.id, "key", "scoring team")
    assert [principal.may(scope) for scope in ("predict:/loan", "predict:/iris", "catalog", "metrics")] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["*"], {"predict:/a", "catalog", "metrics"}),
        (["predict:*"], {"predict:/a"}),
        (["metrics"], {"metrics"}),
        (["predict:/a/b"], set()),
        ([], set()),
    ],
)
def test_scopes(path: Path, scopes: list[str], allowed: set[str]) -> None:
    """A scope covers itself, `predict:*` every route, `*` everything; a path covers no other that begins with it."""
    issued = key_changes.create(path, scopes, NOW)
    principal = Keyring(path).principal_of(issued.text)
    assert {scope for scope in ("predict:/a", "catalog", "metrics") if principal.may(scope)} == allowed


def test_unknown_ids_and_wrong_secrets_are_told_alike(path: Path) -> None:
    """Nobody finds out by asking which ids there are."""
    issued = key_changes.create(path, ["*"], NOW)
    ring = Keyring(path)
    unknown, wrong = api_key.new_text("aaaaaaaa"), api_key.new_text(issued.key.id)
    assert refusal(ring, unknown) == refusal(ring, wrong) == "the key is not known here"


def test_typing_errors_are_told_before_anything_is_compared(path: Path) -> None:
    """A text with one wrong character is refused by its checksum; one that lacks some is no key."""
    issued = key_changes.create(path, ["*"], NOW)
    ring = Keyring(path)
    at = len(issued.text) // 2
    other = issued.text[:at] + ("a" if issued.text[at] != "a" else "b") + issued.text[at + 1 :]
    assert "mistyped" in refusal(ring, other)
    for text in (issued.text[:-1], issued.text + "x", "gw_", "", "gw_" + "ä" * 47, issued.text.upper()):
        assert "not whole" in refusal(ring, text)


def test_two_secrets_count_while_one_replaces_the_other(path: Path) -> None:
    """After a rotation both work until the old one ends; after a second rotation the first no more."""
    first = key_changes.create(path, ["*"], NOW)
    second = key_changes.rotate(path, first.key.id, NOW, LATER)
    ring = Keyring(path)
    assert ring.principal_of(first.text) == ring.principal_of(second.text)
    third = key_changes.rotate(path, first.key.id, NOW, LATER)
    ring.look()
    assert refusal(ring, first.text) == "the key is not known here"
    assert ring.principal_of(second.text).id == ring.principal_of(third.text).id
    fourth = key_changes.rotate(path, first.key.id, NOW, NOW)
    ring.look()
    assert refusal(ring, third.text) == "the key is not known here"
    assert ring.principal_of(fourth.text).id == first.key.id


def test_who_has_the_secret_is_told_why_it_does_not_count(path: Path) -> None:
    """Expired, not yet begun, and revoked keys are named to their holder only."""
    expired = key_changes.create(path, ["*"], NOW, expires=NOW - timedelta(seconds=1))
    early = key_changes.create(path, ["*"], NOW, not_before=LATER)
    gone = key_changes.create(path, ["*"], NOW)
    key_changes.revoke(path, gone.key.id, NOW)
    ring = Keyring(path)
    assert refusal(ring, expired.text) == f"the key {expired.key.id} is expired"
    assert refusal(ring, early.text) == f"the key {early.key.id} does not count yet"
    assert refusal(ring, gone.text) == f"the key {gone.key.id} is revoked"
    assert refusal(ring, api_key.new_text(gone.key.id)) == "the key is not known here"


def test_a_file_that_breaks_or_vanishes_opens_nothing(path: Path) -> None:
    """The keys of before go on, and the fault says what to do; a file that is whole again counts."""
    assert not Keyring(path).is_configured
    issued = key_changes.create(path, ["*"], NOW)
    ring = Keyring(path)
    whole = path.read_bytes()
    # Editors empty a file before they write it, so an empty one is broken too.
    for broken in (b"keys: [", b"keys: 3", b"\xff", b"keyz: []", b"keys: [{id: x}]", b"", b"# keys\n", b"keys: {}"):
        path.write_bytes(broken)
        assert ring.look()
        assert ring.fault is not None
        assert ring.fault.hint
        assert ring.is_configured
        assert ring.principal_of(issued.text).id == issued.key.id
    path.unlink()
    assert ring.look()
    assert "is gone" in str(ring.fault)
    assert ring.is_configured
    path.write_bytes(whole)
    path.chmod(0o600)
    assert ring.look()
    assert ring.fault is None


def test_a_file_that_was_never_whole_serves_nobody(path: Path) -> None:
    """A gateway that begins with a broken file knows no key, and asks for one."""
    path.write_text("keys: [")
    path.chmod(0o600)
    ring = Keyring(path)
    assert ring.is_configured
    assert refusal(ring, api_key.new_text("aaaaaaaa")) == "the key is not known here"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o666, 0o604])
def test_a_file_that_others_may_read_or_write_is_refused_by_name(path: Path, mode: int) -> None:
    """The fix that is told mends it."""
    key_changes.create(path, ["*"], NOW)
    path.chmod(mode)
    with pytest.raises(GatewayError, match=f"mode {mode:04o}") as refused:
        key_file.read(path)
    assert refused.value.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    assert key_file.read(path) is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keys: 0x_", "is no YAML"),
        ("keys: !!int x", "is no YAML"),
        ("keys: !!bool x", "is no YAML"),
        ("keys: !!timestamp x", "is no YAML"),
        ("keys: " + "9" * 5000, "is no YAML"),
        ("keys: []\nkeys: []", "has 'keys' twice (line 2)"),
        ("keys:\n- {id: aaaaaaaa, scopes: [metrics], scopes: ['*']}", "has 'scopes' twice (line 2)"),
        ("jwt: {issuer: a, audience: b,\n  issuer: c}", "has 'issuer' twice (line 2)"),
        ("keys:\n- {id: aaaaaaaa, scopes: [], secrets: [], expires: 2027-01-31}", "such as 2027-01-31T00:00:00Z"),
    ],
)
def test_what_cannot_be_read_is_a_fault_of_the_file(path: Path, text: str, told: str) -> None:
    """No value ends who reads it, and no name that stands twice wins over the other in silence."""
    path.write_text(text)
    path.chmod(0o600)
    assert told in str(Keyring(path).fault)


def test_a_file_that_is_being_written_is_not_read(path: Path) -> None:
    """It is read once it is as it was at the last look: a half would drop keys, or the line that revokes one."""
    issued = key_changes.create(path, ["*"], NOW)
    ring = Keyring(path)
    whole = path.read_bytes()
    assert not ring.has_settled()
    for part in (b"", whole[:40], whole):
        path.write_bytes(part)
        assert not ring.has_settled()
    assert ring.has_settled()
    ring.look_beside(lambda read: read())
    assert not ring.has_settled()
    assert ring.principal_of(issued.text).id == issued.key.id


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    """The file that it leads to is changed: one that several gateways have, or that is kept elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere" / "own.yaml")
    issued = key_changes.create(path, ["*"], NOW)
    key_changes.revoke(path, issued.key.id, NOW)
    assert path.is_symlink()
    assert refusal(Keyring(tmp_path / "elsewhere" / "own.yaml"), issued.text) == f"the key {issued.key.id} is revoked"


def test_a_link_that_leads_nowhere_opens_nothing(path: Path, tmp_path: Path) -> None:
    """A volume that is not mounted yet is no gateway without keys; both fixes mend it."""
    path.symlink_to(tmp_path / "volume" / "keys.yaml")
    ring = Keyring(path)
    assert ring.is_configured
    assert "leads nowhere" in str(ring.fault)
    (tmp_path / "volume").mkdir()
    issued = key_changes.create(tmp_path / "volume" / "keys.yaml", ["*"], NOW)
    assert ring.look()
    assert ring.principal_of(issued.text).id == issued.key.id
    path.unlink()
    assert not Keyring(path).is_configured


def test_each_key_that_is_named_is_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistyped id keeps none of the others, and is told; a whole key that has leaked stands for its id."""
    path = tmp_path / "keys.yaml"
    first, second = (key_changes.create(path, ["*"], NOW) for _ in range(2))
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path))
    assert main(["key", "revoke", first.key.id, "aaaaaaaa", second.text]) == 1
    told = capfd.readouterr()
    assert "there is no key 'aaaaaaaa'" in told.err
    assert told.out.split() == ["revoked", first.key.id, "revoked", second.key.id]
    ring = Keyring(path)
    assert refusal(ring, first.text) == f"the key {first.key.id} is revoked"
    assert refusal(ring, second.text) == f"the key {second.key.id} is revoked"


def test_a_secret_that_ends_before_its_time_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two secrets count at a time: the second replacement ends the oldest one at once, and says so."""
    id = key_changes.create(tmp_path / "keys.yaml", ["*"], NOW).key.id
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path))
    assert main(["key", "rotate", id]) == 0
    assert "counts no more" not in capfd.readouterr().err
    assert main(["key", "rotate", id]) == 0
    assert "the one before that, which was to count until 20" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["a\x7fb", "a\x9b31mb", "a\nb", "a\u2028b", "\udcff"])
def test_a_name_that_no_list_can_show_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """Nothing is made then: no key, no file, no control character on the terminal."""
    monkeypatch.setenv("GATEWAY_HOME", str(tmp_path))
    assert main(["key", "create", name, "--scope", "catalog"]) == 1
    told = capfd.readouterr()
    assert "cannot be printed" in told.err
    assert told.err.replace("\n", "").isprintable()
    assert not list(tmp_path.glob("*"))


def test_every_fault_of_a_file_is_told_at_once(path: Path) -> None:
    """Each wrong key is named by its place."""
    good = key_changes.create(path, ["*"], NOW).key.secrets[0].sha256
    lines = [
        f"- {{id: aaaaaaaa, scopes: [predict], secrets: [{{sha256: '{good}'}}]}}",
        "- {id: bbbbbbbb, scopes: ['*'], secrets: [], name: x}",
        f"- {{id: cccccccc, scopes: ['*'], secrets: [{{sha256: '{good[:-1]}'}}]}}",
        f"- {{id: dddddddd, scopes: ['*'], secrets: [{{sha256: '{good}'}}], expires: tomorrow}}",
        f"- {{id: EEEEEEEE, scopes: ['*'], secrets: [{{sha256: '{good}'}}]}}",
        f"- {{id: ffffffff, scopes: ['*'], secrets: [{{sha256: '{good}'}}], expire: 2027-01-01T00:00:00Z}}",
        f"- {{id: gggggggg, scopes: ['*'], secrets: [{{sha256: '{good}'}}], expires: 2027-01-01T00:00:00}}",
        f"- {{id: hhhhhhhh, scopes: ['*'], secrets: [{{sha256: '{good}'}}], expires: 2027-01-01T00:00:00Z}}",
        f"- {{id: hhhhhhhh, scopes: ['*'], secrets: [{{sha256: '{good}'}}]}}",
    ]
    with pytest.raises(GatewayError) as refused:
        key_file.parse(path, ("keys:\n" + "\n".join(lines)).encode())
    for at in range(7):
        assert f"keys[{at}]" in refused.value.message
    assert "keys[7]" not in refused.value.message
    assert "hhhhhhhh stands there twice" in refused.value.message


def test_what_is_written_is_read_as_it_was(path: Path) -> None:
    """Names of any kind, limits and the section of tokens survive a change by command."""
    name = "a: 'b' \"c\" # d\n\x07 é 🙂 0x1 1e5 \x7f\x85\x9b\u2028\ufeff\ufffe\U000e0001"
    key = key_changes.create(path, ["*"], NOW, name=name, limits={"requests": "100/s", "daily": 5}).key
    whole = key_file.read(path)
    assert whole is not None
    key_file.write(path, key_file.KeyFile(whole.keys, TOKENS))
    key_changes.revoke(path, key_changes.create(path, [], NOW).key.id, NOW)
    again = key_file.read(path)
    assert again is not None
    assert again.keys[0] == key
    assert again.jwt == TOKENS
