"""
Whether the time of an answer about a token tells anything: pairs of tokens that differ in what a stranger may not know.

Usage: PYTHONPATH=scripts:tests python -m bench.tokens [ROUNDS]. CPU time of one thread in this process, rounds
interleaved; read ratios, not absolutes. A pair may differ by 20 % unless its remark says why the difference is public.
"""

import base64
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.cpu_time import least_us
from gateway.errors import UnauthorisedError
from gateway.security import key_file
from gateway.security.key_file import KeyFile
from gateway.security.keyring import Keyring
from gateway.security.token_verifier import TokenVerifier
from security import issuer

_AIM: Final = 0.20
_BATCHES: Final = 3
_OLD: Final = 3600
Work = Callable[[], None]
#: Pair -> why it may differ; nothing where it may not.
_REMARKS: Final = {
    "last byte of the signature wrong / first byte wrong": "",
    "expired, forged / expired, signed": "",
    "another audience, forged / another audience, signed": "",
    "unknown key id, forged / known key id, forged": "key ids are public: the issuer publishes its key set",
    "not seen before / seen before": "who measures it holds the whole token, and may use it",
}


def main() -> None:
    """Print the ratio of each pair for each algorithm."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print("| algorithm | pair | us | ratio | differs |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for key in (issuer.rsa_key(), issuer.ec_key(), issuer.ed_key()):
            verifier = _verifier(Path(folder), key)
            for pair, (one, other) in _pairs(verifier, key).items():
                print(_row(key.algorithm, pair, _ratios(one, other, rounds)))


def _verifier(folder: Path, key: issuer.SigningKey) -> TokenVerifier:
    """Return what verifies the tokens of one issuer with one key."""
    (folder / "key_set.json").write_text(json.dumps({"keys": [key.public]}))
    section = {"issuer": issuer.ISSUER, "audience": issuer.AUDIENCE, "jwks": "key_set.json"}
    key_file.write(folder / "keys.yaml", KeyFile((), section | {"algorithms": [key.algorithm]}))
    return TokenVerifier(Keyring(folder / "keys.yaml"), folder, folder)


def _pairs(verifier: TokenVerifier, key: issuer.SigningKey) -> dict[str, tuple[Work, Work]]:
    good = issuer.token(key)
    expired = issuer.token(key, exp=int(time.time()) - _OLD)
    elsewhere = issuer.token(key, aud="other")
    unknown = issuer.token(key, {"kid": "unknown"})
    works = (
        (_asks(verifier, _changed(good, -1)), _asks(verifier, _changed(good, 0))),
        (_asks(verifier, _changed(expired, 0)), _asks(verifier, expired)),
        (_asks(verifier, _changed(elsewhere, 0)), _asks(verifier, elsewhere)),
        (_asks(verifier, _changed(unknown, 0)), _asks(verifier, _changed(good, 0))),
        (_asks(verifier, good, is_known=False), _asks(verifier, good)),
    )
    return dict(zip(_REMARKS, works, strict=True))


def _changed(token: str, at: int) -> str:
    """Return a token with one bit of its signature changed."""
    head, _, text = token.rpartition(".")
    signature = bytearray(base64.urlsafe_b64decode(text + "=="))
    signature[at] ^= 1
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _asks(verifier: Any, text: str, *, is_known: bool = True) -> Work:
    def ask() -> None:
        if not is_known:
            verifier._known.clear()
        try:
            verifier.principal_of(text)
        except UnauthorisedError:
            return

    return ask


def _ratios(one: Work, other: Work, rounds: int) -> list[tuple[float, float]]:
    """Return the microseconds of both, round by round, every other one backwards."""
    found = []
    for number in range(rounds):
        works = (one, other) if number % 2 else (other, one)
        us = [least_us(work, _BATCHES) for work in works]
        found.append((us[0], us[1]) if number % 2 else (us[1], us[0]))
    return found


def _row(algorithm: str, pair: str, found: list[tuple[float, float]]) -> str:
    ratio = statistics.median(one / other for one, other in found)
    us = " / ".join(f"{statistics.median(values):.1f}" for values in zip(*found, strict=True))
    differs = "no" if abs(ratio - 1) <= _AIM else f"yes: {_REMARKS[pair] or 'AN ORACLE'}"
    return f"| {algorithm} | {pair} | {us} | {ratio:.2f} | {differs} |"


if __name__ == "__main__":
    main()
