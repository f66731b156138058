"""
Tokens of one issuer count for one audience, signed by its published keys with a pinned algorithm, until they expire.

OWASP: API2
"""

import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import serving
from gateway.cli.security_checks import security_checks
from gateway.errors import GatewayError, NotReadyError, UnauthorisedError
from gateway.process.key_set_keeper import KeySetKeeper
from gateway.security import key_file, key_set, key_set_fetch, token_verifier
from gateway.security.authentication import Authenticator
from gateway.security.key_file import KeyFile
from gateway.security.keyring import Keyring
from gateway.security.token_verifier import LEEWAY_S, TokenVerifier
from gateway.settings.settings import Settings
from rest.one_worker import REGISTRY, Worker, environ_of
from serving import Gateway

pytest.importorskip("jwt", reason="PyJWT is not installed here (the extra jwt)")
pytest.importorskip("cryptography", reason="PyJWT is not installed here (the extra jwt)")

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from security.issuer import AUDIENCE, ISSUER, Issuer, SigningKey, claims, ec_key, ed_key, rsa_key, token

RSA, EC, ED = rsa_key(), ec_key(), ed_key()
SUBJECTS = [
    "ann/é@example",
    "a" * 300 + "x",
    "a" * 300 + "y",
    "a" * 200,
    "a\nb",
    "a\\nb",
    "\ud800",
    "\x1b[31m",
    "\u2028",
]
#: Subjects that look like the names that others of them get.
SUBJECTS += [f"a\\nb~{hashlib.sha256(b'a' + bytes([10]) + b'b').hexdigest()[:16]}", f"{'a' * 200}~{'0' * 16}"]
STUB = {"inputs": ["a"], "output": {"kind": "regression"}}


def section(**more: Any) -> dict[str, Any]:
    """Return the section `jwt` of a file of keys."""
    algorithms = ["RS256", "ES256", "EdDSA"]
    return {"issuer": ISSUER, "audience": AUDIENCE, "jwks": "key_set.json", "algorithms": algorithms, **more}


class Door:
    """Know tokens by a key set in a file beside the file of keys."""

    def __init__(self, folder: Path, keys: list[SigningKey] | None = None, **more: Any) -> None:
        self.path = folder / "key_set.json"
        self.publish(keys or [RSA, EC, ED])
        key_file.write(folder / "keys.yaml", KeyFile((), section(**more)))
        self.keyring = Keyring(folder / "keys.yaml")
        self.keyring.look()
        self.authenticator = Authenticator(self.keyring, TokenVerifier(self.keyring, folder, folder))

    def publish(self, keys: list[SigningKey], **more: Any) -> None:
        """Replace the key set."""
        text = json.dumps({"keys": [{**key.public, **more} for key in keys]})
        self.path.with_suffix(".new").write_text(text)
        self.path.with_suffix(".new").replace(self.path)

    def scopes(self, text: str) -> frozenset[str]:
        """Return the scopes of a token's principal."""
        return self.authenticator.principal_of(text).scopes

    def refusal(self, text: str) -> str:
        """Return why a token is refused."""
        with pytest.raises(UnauthorisedError) as refused:
            self.authenticator.principal_of(text)
        return refused.value.message


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Return a door that takes three kinds of keys."""
    return Door(tmp_path)


def forged(head: dict[str, Any], payload: dict[str, Any], secret: bytes | None = None) -> str:
    """Make a token by hand, signed with a secret by HMAC, or not at all."""
    parts = [json.dumps(part).encode() for part in (head, payload)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = b"" if secret is None else hmac.new(secret, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=lambda key: key.algorithm)
def test_a_good_token_is_its_subject_with_its_scopes(door: Door, key: SigningKey) -> None:
    """Each kind of key verifies; scopes that are none of this gateway do not count."""
    principal = door.authenticator.principal_of(token(key, scope="predict:/sum catalog openid profile"))
    assert (principal.id, principal.kind) == ("jwt:ann", "jwt")
    assert principal.scopes == {"predict:/sum", "catalog"}


def test_the_claim_and_its_values_can_be_named(tmp_path: Path) -> None:
    """Groups of the issuer become scopes, and a value that nobody mapped becomes none."""
    door = Door(tmp_path, scope_claim="groups", scopes={"ml-users": ["predict:*"], "ops": ["metrics"]})
    assert door.scopes(token(RSA, groups=["ml-users", "*", "catalog"])) == {"predict:*"}
    assert door.scopes(token(RSA, groups="ops ml-users")) == {"metrics", "predict:*"}
    assert door.scopes(token(RSA, groups={"ops": 1})) == frozenset()
    assert door.scopes(token(RSA)) == frozenset()


def test_alg_none_and_swapped_algorithms_are_refused(door: Door) -> None:
    """What a token says of its signature chooses nothing: none, a public key as a secret, an unpinned algorithm."""
    told = "signed in a way"
    for name in ("none", "None", "nOnE", ""):
        assert told in door.refusal(forged({"alg": name, "kid": "r1"}, claims()))
    public = json.dumps(RSA.public).encode()
    pem = RSA.private.public_key().public_bytes(*_pem())
    for secret in (public, pem, b"", b"secret"):
        assert told in door.refusal(forged({"alg": "HS256", "kid": "r1"}, claims(), secret))
    assert told in door.refusal(token(SigningKey("r1", "RS512", RSA.private)))
    assert "no key" in door.refusal(token(EC, {"kid": "r1"}))
    assert "no key" in door.refusal(token(RSA, {"kid": "e1"}))
    assert "wrong signature" in door.refusal(token(rsa_key("r1")))
    stranger = rsa_key("r1")
    assert "wrong signature" in door.refusal(token(stranger, {"jwk": stranger.public, "jku": "http://127.0.0.1:9/"}))


def _pem() -> tuple[Any, Any]:
    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other", "gateways"]}, "another audience"),
        ({"aud": None}, "not valid"),
        ({"iss": "https://id.example.evil"}, "another issuer"),
        ({"iss": None}, "not valid"),
        ({"exp": None}, "not valid"),
        ({"exp": "never"}, "not valid"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": float("inf")}, "not valid"),
        ({"nbf": int(time.time()) + 3600}, "does not count yet"),
        ({"iat": int(time.time()) + 3600}, "does not count yet"),
        ({"sub": None}, "not valid"),
        ({"sub": 7}, "not valid"),
        ({"sub": ""}, "empty subject"),
    ],
)
def test_claims_that_are_missing_or_wrong_are_refused(door: Door, more: dict[str, Any], told: str) -> None:
    """Issuer, audience, subject and times are all asked for."""
    assert told in door.refusal(token(RSA, **more))


def test_subjects_are_names_and_stay_apart(door: Door) -> None:
    """Whatever a subject holds, its name can be logged and answered; no two subjects share limits for a long name."""
    names = [door.authenticator.principal_of(token(RSA, sub=sub)).id for sub in SUBJECTS]
    assert names[0] == "jwt:ann/é@example"
    assert len(set(names)) == len(SUBJECTS)
    assert all(name.isprintable() and len(name.encode()) < 300 for name in names)


def test_scopes_are_told_apart_by_blanks_alone(door: Door) -> None:
    """RFC 6749: another kind of space does not end a scope, so that none is made of a part of another."""
    assert door.scopes(token(RSA, scope="catalog predict:/a\u3000* metrics\t*")) == {"catalog"}


def test_an_audience_may_be_one_of_several(door: Door) -> None:
    """A token for this gateway and others counts; clocks may differ by half a minute."""
    assert door.scopes(token(RSA, aud=["other", AUDIENCE]))
    assert door.scopes(token(RSA, exp=int(time.time()) - LEEWAY_S + 20))


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a.b.c",
        "..",
        "." * 5000,
        "é.é.é",
        "\udce9.a.b",
        base64.urlsafe_b64encode(b"[" * 6000).decode() + ".e30.x",
        base64.urlsafe_b64encode(b'{"alg":["RS256"]}').decode() + ".e30.x",
        base64.urlsafe_b64encode(b'{"alg":"RS256","kid":{"a":1}}').decode() + ".e30.x",
        base64.urlsafe_b64encode(b'{"alg":"RS256","crit":["x"],"kid":"r1"}').decode() + ".e30.x",
    ],
)
def test_what_is_no_token_is_refused(door: Door, text: str) -> None:
    """Broken texts of any kind are told by name and never fail the gateway."""
    assert door.refusal(text).startswith("the token ")


def test_a_verified_token_is_remembered_until_it_expires(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look costs no signature; after its time, or with other keys, it is verified again."""
    text = token(RSA, exp=int(time.time()) + 20)
    first = door.authenticator.principal_of(text)
    assert door.authenticator.principal_of(text) is first
    real = time.time
    monkeypatch.setattr("gateway.security.token_verifier.time.time", lambda: real() + 3600)
    assert door.authenticator.principal_of(text) is not first
    monkeypatch.undo()
    monkeypatch.setattr(key_set, "LOOK_S", 0.0)
    door.publish([EC])
    assert "no key" in door.refusal(text)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_keys_that_cannot_verify_are_left_out(tmp_path: Path) -> None:
    """Keys of encryption, weak ones, secrets and nonsense beside a good key neither count nor harm it."""
    door = Door(tmp_path)
    weak = rsa_key("weak", 1024)
    secret = {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(b"secret").decode()}
    enciphering = {**rsa_key("enc").public, "use": "enc"}
    keys = [secret, enciphering, weak.public, {"kty": "RSA"}, {"kty": 7}, "x", None, RSA.public, EC.public]
    door.path.write_text(json.dumps({"keys": keys}))
    assert door.scopes(token(RSA))
    assert "no key" in door.refusal(token(weak))
    assert "signed in a way" in door.refusal(forged({"alg": "HS256", "kid": "oct"}, claims(), b"secret"))
    no_kid = token(EC, {"kid": "e1"})
    assert door.scopes(no_kid)


def test_keys_of_different_types_may_share_an_id(tmp_path: Path) -> None:
    """An issuer that changes from RSA to curves may go on under one id; of two keys alike the last one counts."""
    rsa, ec, older = rsa_key("k"), ec_key("k"), rsa_key("k")
    door = Door(tmp_path, [older, rsa, ec])
    assert door.scopes(token(rsa))
    assert door.scopes(token(ec))
    assert "wrong signature" in door.refusal(token(older))


def test_without_a_key_set_nobody_is_called_a_stranger(tmp_path: Path) -> None:
    """That tokens cannot be verified yet is told as that: 503, and not that the token is wrong."""
    door = Door(tmp_path)
    door.path.write_text("{broken")
    with pytest.raises(NotReadyError, match="the key set of the issuer is not here"):
        door.authenticator.principal_of(token(RSA))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"algorithms": ["HS256"]}, "'HS256'; expected public-key signatures"),
        ({"algorithms": ["none"]}, "'none'; expected public-key signatures"),
        ({"algorithms": []}, "an empty list; expected public-key"),
        ({"audience": ""}, "audience is empty"),
        ({"issuer": 7}, "issuer"),
        ({"jwks": "http://id.example/keys"}, "expected an https address"),
        ({"jwks": "ftp://id.example/keys"}, "expected an https address"),
        ({"jwks": "https://id.example:99999/keys"}, "expected an https address"),
        ({"jwks": "https://id example/keys"}, "expected an https address"),
        ({"jwks": "https://ann:secret@id.example/keys"}, "jwks: its address holds a name or a password"),
        ({"jwks": None, "issuer": "https://ann@id.example"}, "issuer: its address holds a name or a password"),
        ({"jwks": ""}, "jwks is empty"),
        ({"jwks": None, "issuer": "id.example"}, "jwks is missing, and issuer is no https address"),
        ({"jwks": None, "issuer": "http://id.example"}, "jwks is missing, and issuer is no https address"),
        ({"scopes": {"a": ["all"]}}, "'all' is no scope"),
        ({"leeway": 5}, "it takes issuer, audience, jwks"),
        ({"limits": {"requests": "many"}}, "'many' is no rate"),
    ],
)
def test_a_section_that_would_open_doors_is_refused(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    """The file of keys is refused with the reason, before any token is asked for."""
    text = json.dumps({"jwt": section(**more)})
    with pytest.raises(GatewayError) as refused:
        key_file.parse(tmp_path / "keys.yaml", text.encode())
    assert told in refused.value.message


def test_scopes_of_a_token_are_those_of_a_key(tmp_path: Path) -> None:
    """A route outside the scopes is 403, the gateway without a token 401; each subject has its own limits."""
    door = Door(tmp_path, limits={"requests": "2/h"})
    worker = Worker(tmp_path, REGISTRY, keys=tmp_path / "keys.yaml")

    def ask(path: str, text: str | None) -> int:
        fields = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {text}"} if text else {})
        return worker.ask(environ_of("POST", path, b'{"a": 1, "b": 2}', fields)).status

    ann, bob = token(RSA), token(RSA, sub="bob")
    assert [ask("/sum", ann), ask("/deep/sum", ann), ask("/sum", None), ask("/sum", ann + "x")] == [200, 403, 401, 401]
    fields = {"Authorization": f"Bearer {ann}"}
    assert "the token of jwt:ann may not" in worker.ask(environ_of("GET", "/deep/sum", b"", fields)).json["detail"]
    assert [ask("/sum", ann), ask("/sum", ann), ask("/sum", bob)] == [200, 429, 200]
    assert door.keyring.fault is None


def test_the_arbiter_fetches_and_keeps_the_key_set(
    gateway: Callable[..., Gateway], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Workers know the keys of an issuer that is asked once, also after a flood of unknown keys, its end and a restart.

    It is found by its name alone; that it does not answer any more is told by /health, /metrics and `gateway doctor`.
    """
    (tmp_path / "m.stub").write_text(json.dumps(STUB))
    with Issuer([RSA]) as issuer:
        keys = tmp_path / "keys.yaml"
        key_file.write(keys, KeyFile((), section(issuer=issuer.name, jwks=None)))
        health = {"Authorization": f"Bearer {token(RSA, iss=issuer.name, scope='*')}"}
        monkeypatch.setattr(Gateway, "get", lambda self, path, headers=None, **query: _get(self, path, health, query))
        registry = f"version: 1\nroutes:\n  /sum: {{artifact: {tmp_path}/m.stub}}\n"
        server = gateway(registry, workers=2, keys=keys)
        assert server.get("/sum", a=1).status == 200
        strangers = [token(EC, {"kid": f"k{number}"}) for number in range(100)]
        for text in strangers:
            assert server.request("GET", "/sum?a=1", None, {"Authorization": f"Bearer {text}"}).status == 401
        assert (server.home / "run" / "key_set.wanted").exists()
        assert (issuer.discovered, issuer.asked) == (1, 1)
        told = server.get("/health").json
        assert (told["key_set"]["address"], "keys" in told) == (
            f"{issuer.name}/.well-known/openid-configuration",
            False,
        )
        serving.until(lambda: b"gateway_key_set_up 1.0" in server.get("/metrics").body, what="the key set in /metrics")
        assert f"tokens of {issuer.name}: the key set came from" in _doctor_of(server)
    assert (server.home / "state" / "key_set.json").stat().st_mode & 0o777 == 0o600
    assert server.get("/sum", a=1).status == 200
    os.kill(server.pid, 15)
    assert server.process is not None
    server.process.wait(60)
    server.start().wait()
    assert server.get("/sum", a=1).status == 200
    serving.until(lambda: server.events("the key set of the issuer could not be fetched"), what="the fault in the log")
    told = serving.until(lambda: server.get("/health").json.get("keys"), what="the fault in /health")
    assert (told["code"], "Connection refused; the one before goes on" in told["reason"]) == ("no-key-set", True)
    page = server.get("/metrics").body.decode()
    assert "gateway_key_set_up 0.0" in page
    assert "gateway_key_set_age_seconds " in page
    assert "Connection refused" in _doctor_of(server)


def _doctor_of(server: Gateway) -> str:
    """Return what `gateway doctor` says of security; the rest of it takes seconds."""
    return "\n".join(one.text for one in security_checks(Settings.load(server.environ)))


def _get(server: Gateway, path: str, headers: dict[str, str], query: dict[str, Any]) -> serving.Answer:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = server.request("GET", f"{path}?{words}" if words else path, None, headers)
    if path == "/health" and answer.status != 200:
        raise OSError("the key set is not here yet")
    return answer


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, ""),
        ({"issuer": "http://127.0.0.1/realm"}, "that of another issuer: 'http://127.0.0.1/realm'"),
        ({"issuer": None}, "that of another issuer: 'None'"),
        ({"jwks_uri": "http://id.example/keys"}, "no https address: 'http://id.example/keys'"),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "no https address"),
        ({"jwks_uri": "file:///etc/passwd"}, "no https address"),
        ({"jwks_uri": "https://"}, "no https address"),
        ({"jwks_uri": "http://[::1"}, "no https address"),
        ({"jwks_uri": ["https://id.example/keys"]}, "no https address"),
        ("{", "no JSON with issuer and jwks_uri"),
        ("[]", "no JSON with issuer and jwks_uri"),
        ("[" * 100_000, "no JSON with issuer and jwks_uri"),
        ('"' + "x" * 600_000 + '"', "more than 524,288 bytes"),
    ],
)
def test_an_issuer_says_where_its_key_set_is(told: dict[str, Any] | str, reason: str) -> None:
    """Its configuration counts where it is its own, letter by letter, and names an address that keys.yaml could name."""
    with Issuer([RSA], told=told) as issuer:
        if not reason:
            assert key_set_fetch.key_set_address(issuer.name) == issuer.url
            return
        with pytest.raises(ValueError, match=re.escape(reason)):
            key_set_fetch.key_set_address(issuer.name)
        assert issuer.asked == 0


def test_an_issuer_elsewhere_names_no_address_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http on loopback is for an issuer that is there itself."""
    told = json.dumps({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1:8001/routes"})
    monkeypatch.setattr(key_set_fetch, "fetch", lambda _: told.encode())
    with pytest.raises(ValueError, match="no https address"):
        key_set_fetch.key_set_address(ISSUER)


def test_a_key_set_in_a_file_is_watched(tmp_path: Path) -> None:
    """A file of keys that is missing or broken is told as an issuer that does not answer is."""
    settings = Settings.load({"GATEWAY_HOME": str(tmp_path), "GATEWAY_KEYS": str(tmp_path / "keys.yaml")})
    key_file.write(settings.keys_path, KeyFile((), section()))
    keeper = KeySetKeeper(settings, Keyring(settings.keys_path))

    def told() -> str:
        keeper.tick()
        assert keeper._thread is not None
        keeper._thread.join(60)
        assert keeper.status is not None
        return keeper.status.reason

    assert "No such file" in told()
    (tmp_path / "key_set.json").write_text("{}")
    assert "no key set" in told()
    (tmp_path / "key_set.json").write_text(json.dumps({"keys": [RSA.public]}))
    assert told() == ""


def test_the_issuer_is_asked_at_most_once_a_minute_for_unknown_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that came within a minute waits for the rest of it; a redirect is no key set, and the last good one stays."""
    settings = Settings.load({"GATEWAY_HOME": str(tmp_path), "GATEWAY_KEYS": str(tmp_path / "keys.yaml")})
    settings.state_dir.mkdir(parents=True)
    settings.run_dir.mkdir()
    now = [1000.0]
    monkeypatch.setattr("gateway.process.key_set_keeper.time.monotonic", lambda: now[0])
    with Issuer([RSA]) as issuer:
        key_file.write(settings.keys_path, KeyFile((), section(issuer=issuer.name, jwks=None)))
        keyring = Keyring(settings.keys_path)
        keyring.look()
        keeper = KeySetKeeper(settings, keyring)

        def asked_after(seconds: float) -> int:
            now[0] += seconds
            keeper.tick()
            if keeper._thread is not None:
                keeper._thread.join(60)
            return issuer.discovered

        assert asked_after(0) == 1
        mark = token_verifier.wanted_in(settings.run_dir)
        mark.touch()
        assert [asked_after(1) for _ in range(50)] == [1] * 50
        assert asked_after(10) == 2
        assert asked_after(59) == 2
        assert asked_after(300) == 3
        issuer.redirect = issuer.url
        good = token_verifier.fetched_in(settings.state_dir).read_bytes()
        assert asked_after(301) == 4
        assert token_verifier.fetched_in(settings.state_dir).read_bytes() == good
        assert asked_after(61) == 5
