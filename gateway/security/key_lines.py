"""
The file of keys as commands write it: one value a line, each JSON, which is YAML as well.

A file that nobody edited by hand is read by its lines: libyaml takes half a second for 1,000 keys, and would hold up
whoever is revoked among 10,000.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.security.key_yaml import quoted

_HEAD: Final = """\
# Keys of this gateway. `gateway key create|rotate|revoke|list` write and read this file; edits by hand count within a
# second, and comments are not kept. A secret is not in here: only its sha256.
"""
_FIRST, _NEXT, _JWT = "  - ", "    ", "jwt: "


class Blocks(NamedTuple):
    """Hold the text of each key, and what stands behind `jwt:`, "" for nothing."""

    keys: list[str]
    jwt: str


def text_of(keys: Sequence[Mapping[str, Any]], jwt: Mapping[str, Any]) -> str:
    """Return the text of a file; every value stands in quotes, so that no text is taken for a number."""
    head = "keys:\n" if keys else "keys: []\n"
    return _HEAD + head + "".join(map(block_of, keys)) + (f"{_JWT}{quoted(jwt)}\n" if jwt else "")


def block_of(key: Mapping[str, Any]) -> str:
    """Return the lines of one key."""
    lines = "".join(f"{_NEXT}{name}: {quoted(value)}\n" for name, value in key.items())
    return _FIRST + lines[len(_NEXT) :]


def blocks(content: bytes) -> Blocks | None:
    """Return the parts of a file that looks as written by a command, None of every other."""
    begin = f"{_HEAD}keys:\n".encode()
    if not content.startswith(begin):
        return None
    try:
        lines = content[len(begin) :].decode().split("\n")
    except UnicodeDecodeError:
        return None
    jwt = lines.pop(-2).removeprefix(_JWT) if len(lines) > 1 and lines[-2].startswith(_JWT) else ""
    found: list[list[str]] = []
    for line in lines[:-1]:
        if line.startswith(_FIRST):
            found.append([line])
        elif found and line.startswith(_NEXT):
            found[-1].append(line)
        else:
            return None
    return None if lines[-1] else Blocks(["\n".join(one) + "\n" for one in found], jwt)


def values_of(block: str) -> dict[str, Any] | None:
    """Return the values of a key; None where the text is not, letter by letter, what is written of them."""
    found = {}
    for line in block.splitlines():
        name, _, text = line[len(_NEXT) :].partition(": ")
        try:
            found[name] = json.loads(text)
        except ValueError:
            return None
    return found if block_of(found) == block else None


def jwt_of(text: str) -> dict[str, Any] | None:
    """Return the section of tokens, None where it is none or is not as it is written."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return None
    return found if isinstance(found, dict) and (not text or quoted(found) == text) else None
