"""
What keys, tokens and limits cost a request, on and off side by side, and what a first look at a token costs.

`python -m bench.security` (see README.md). One worker's WSGI callable without sockets; rounds are interleaved, every
other one backwards. A figure is the least of all batches, because other load can only add; the median of the rounds
beside it says how quiet the machine was.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.cpu_time import least_us
from bench.inprocess import Environ, Wsgi, environ_of, make_gateway
from gateway.process.generation_follower import Gateway
from gateway.rest.middleware.telemetry import Telemetry
from gateway.rest.predict import call
from gateway.security import key_changes, key_file
from gateway.security.authentication import Authenticator
from gateway.security.key_file import KeyFile
from gateway.security.keyring import Keyring
from gateway.security.principal import ANONYMOUS
from gateway.security.token_verifier import TokenVerifier
from security import issuer

ROOT: Final = Path(__file__).resolve().parents[2]
ROUTE: Final = "diabetes"
#: More than a loop of this bench uses up; refusals would be cheaper than answers.
_LARGE: Final = "100000000/s"
_LIMITS: Final = {
    "open": "",
    "requests": f", limits: {{requests: {_LARGE}}}",
    "whole": f", limits: {{requests: {_LARGE}, rows: {_LARGE}, daily: 1000000000000}}",
}
_ALGORITHMS: Final = {"RS256": issuer.rsa_key, "ES256": issuer.ec_key, "EdDSA": issuer.ed_key}


def registry_in(folder: Path) -> Path:
    """Write a registry with one model three times: without limits, with one, with all."""
    model = f"{ROOT}/models/{ROUTE}/model.ubj"
    routes = [f"  /{name}: {{artifact: {model}, name: {name}{limits}}}" for name, limits in _LIMITS.items()]
    path = folder / "registry.yaml"
    path.write_text("version: 1\nroutes:\n" + "\n".join(routes) + "\n")
    return path


def authenticator_in(folder: Path, keys: list[issuer.SigningKey]) -> tuple[Authenticator, str]:
    """Make a file of keys with one key and an issuer; return who knows both, and the text of the key."""
    path = folder / "keys.yaml"
    (folder / "key_set.json").write_text(json.dumps({"keys": [key.public for key in keys]}))
    text = key_changes.create(path, ["predict:*"], datetime.now(UTC)).text
    whole = key_file.read(path) or KeyFile()
    section = {"issuer": issuer.ISSUER, "audience": issuer.AUDIENCE, "jwks": "key_set.json"}
    key_file.write(path, msgspec.structs.replace(whole, jwt=section | {"algorithms": list(_ALGORITHMS)}))
    keyring = Keyring(path)
    keyring.look()
    return Authenticator(keyring, TokenVerifier(keyring, folder, folder)), text


def one_row() -> bytes:
    """Return a request of the model that these benches serve."""
    golden = json.loads((ROOT / "models" / ROUTE / "golden.json").read_text())
    return msgspec.json.encode(golden["instances"][0])


def variants(gateway: Gateway, known: Authenticator, key: str, token: str) -> Mapping[str, Callable[[], None]]:
    """Return a request of each kind, as a function that sends it."""
    telemetry: Any = gateway._app
    body = one_row()
    asking: Wsgi = Telemetry(telemetry._app, telemetry._current, known)

    def sends(app: Wsgi, path: str, credential: str = "") -> Callable[[], None]:
        more: Environ = {"HTTP_AUTHORIZATION": f"Bearer {credential}"} if credential else {}
        status: list[str] = []

        def send() -> None:
            for _ in app(environ_of(path, body) | more, lambda told, headers, exc_info=None: status.append(told)):
                pass

        send()
        if status != ["200 OK"]:
            raise SystemExit(f"{path} answered {status}; expected 200 OK")
        return lambda: _sent(app, environ_of(path, body) | more)

    return {
        "nothing configured": sends(gateway, "/open"),
        "steps taken out of the code": _without_steps(sends(Telemetry(telemetry._app, telemetry._current), "/open")),
        "limit of requests, by address": sends(gateway, "/requests"),
        "limits of requests, rows and the day, by address": sends(gateway, "/whole"),
        "a key": sends(asking, "/open", key),
        "a token, seen before": sends(asking, "/open", token),
        "a key and all limits": sends(asking, "/whole", key),
        "a token and all limits": sends(asking, "/whole", token),
    }


def _without_steps(send: Callable[[], None]) -> Callable[[], None]:
    """Return a request that nobody authorises or charges, in the same process."""
    steps: dict[str, Any] = {
        "authorise": lambda environ, route, access: ANONYMOUS,
        "charge_request": lambda principal, route: None,
        "charge_rows": lambda principal, route, rows: None,
    }

    def sent() -> None:
        kept = {name: getattr(call, name) for name in steps}
        vars(call).update(steps)
        send()
        vars(call).update(kept)

    return sent


def _sent(app: Wsgi, environ: Environ) -> None:
    for _ in app(environ, _start):
        pass


def _start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    """Take what a server would send."""


def first_looks(known: Authenticator, keys: list[issuer.SigningKey], batches: int) -> dict[str, float]:
    """Return the microseconds in which a token of each algorithm is verified for the first time."""
    tokens: Any = known.tokens

    def forgotten(text: str) -> None:
        tokens._known.clear()
        tokens.principal_of(text)

    texts = {key.algorithm: issuer.token(key, scope="predict:*") for key in keys}
    return {name: least_us(partial(forgotten, text), batches) for name, text in texts.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = make_gateway(registry_in(folder), folder / "home")
        keys = [make(f"{algorithm}-key") for algorithm, make in _ALGORITHMS.items()]
        known, key = authenticator_in(folder, keys)
        kinds = variants(gateway, known, key, issuer.token(keys[0], scope="predict:*"))
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(options.rounds):
            for kind in list(kinds)[:: -1 if number % 2 else 1]:
                found[kind].append(least_us(kinds[kind], options.batches))
        looks = first_looks(known, keys, options.batches)
    off = min(found["nothing configured"])
    print(f"{options.rounds} rounds; us of CPU a request: least, above nothing, median of the rounds\n")
    print("| configured | us | above | median |\n| --- | --- | --- | --- |")
    for kind, values in found.items():
        above = min(values) - off
        print(f"| {kind} | {min(values):.1f} | {above:+.1f} ({above / off:+.0%}) | {statistics.median(values):.1f} |")
    print("\n| first look at a token | us |\n| --- | --- |")
    for algorithm, us in looks.items():
        print(f"| {algorithm} | {us:.0f} |")


if __name__ == "__main__":
    main()
