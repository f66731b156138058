"""
The text of an API key: `gw_<id>_<secret><checksum>`.

The id names the key in public; the secret has 190 random bits, so one sha256 of it is enough; the checksum tells a
mistyped key without asking anybody, and with the prefix lets scanners of secrets find keys that lie about.
"""

import binascii
import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from typing import Final

from gateway.errors import UnauthorisedError

PREFIX: Final = "gw_"
ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6
_ID_DIGITS: Final = string.ascii_lowercase + "234567"
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY: Final = re.compile(
    rf"{PREFIX}([a-z2-7]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})", re.ASCII
)
ID: Final = re.compile(rf"[a-z2-7]{{{ID_LENGTH}}}", re.ASCII)
_HINT: Final = "copy the whole key, as `gateway key create` printed it"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Hold the parts of a key that count; `digest` is the sha256 of the secret."""

    id: str
    digest: bytes


def new_id() -> str:
    """Return the id of a new key."""
    return "".join(secrets.choice(_ID_DIGITS) for _ in range(ID_LENGTH))


def new_text(id: str) -> str:
    """Return a new key of this id."""
    body = f"{PREFIX}{id}_" + "".join(secrets.choice(_DIGITS) for _ in range(SECRET_LENGTH))
    return body + _checksum(body)


def id_in(text: str) -> str:
    """Return the id of a whole key, any other text as it is."""
    found = _KEY.fullmatch(text)
    return text if found is None else found[1]


def parse(text: str) -> ApiKey:
    """Return the parts of a key; raises UnauthorisedError for a text that no key can be."""
    found = _KEY.fullmatch(text)
    if found is None:
        raise UnauthorisedError("the key is not whole", hint=_HINT)
    if _checksum(text[:-CHECKSUM_LENGTH]) != found[3]:
        raise UnauthorisedError("the key is mistyped: its last six characters do not fit the others", hint=_HINT)
    return ApiKey(found[1], hashlib.sha256(found[2].encode("ascii")).digest())


def _checksum(body: str) -> str:
    """Return the CRC-32 of a key without its checksum, in base 62."""
    number, digits = binascii.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
