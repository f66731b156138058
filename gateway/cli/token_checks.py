"""What `gateway doctor` finds out of the tokens of an identity provider: whether they count, and can be verified."""

import time
from collections.abc import Iterator
from importlib.util import find_spec

from gateway.cli.diagnosis import Diagnosis
from gateway.scoreboard.status import KeySetStatus
from gateway.security.keyring import Keyring
from gateway.security.token_settings import parse


def token_checks(keyring: Keyring, key_set: KeySetStatus | None) -> Iterator[Diagnosis]:
    """Tell whose tokens count, and how old the key set is; `key_set` is that of a running gateway."""
    section = keyring.content.jwt
    if not section:
        return
    wanted = parse(section)
    if find_spec("jwt") is None or find_spec("cryptography") is None:
        yield Diagnosis(
            False, "tokens: PyJWT is not installed, and none counts", "pip install 'multi-model-gateway[jwt]'"
        )
    if key_set is None or not (key_set.fetched_at or key_set.reason):
        text = f"tokens of {wanted.issuer}: a running gateway asks {wanted.address} for the key set"
        yield Diagnosis(True, text)
    elif (fault := key_set.fault) is not None:
        yield Diagnosis(False, f"tokens of {wanted.issuer}: {fault.message}", fault.hint or "")
    else:
        age_s = time.time() - key_set.fetched_at
        yield Diagnosis(True, f"tokens of {wanted.issuer}: the key set came from {key_set.address} {age_s:.0f} s ago")
