"""A text with its tokens marked by what they add to an answer; static/marked_text.js marks the same."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.console.number_text import signed_text

#: Tokens that are marked, the largest first: a long text has thousands.
MOST_TOKENS: Final = 200
LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a part of a text; `level` 0 is unmarked, 4 is the strongest. `part` is what its token adds, for people."""

    text: str
    sign: Literal["", "plus", "minus"] = ""
    level: int = 0
    part: str = ""


def marked(text: str, tokens: Mapping[str, float]) -> list[Piece]:
    """Return the text in pieces; where two tokens overlap, the longer one is marked."""
    strongest = dict(sorted(tokens.items(), key=lambda item: -abs(item[1]))[:MOST_TOKENS])
    parts = {token.lower(): part for token, part in strongest.items() if part and token.strip()}
    if not parts:
        return [Piece(text)] if text else []
    most = max(map(abs, parts.values()))
    return list(_pieces(text, parts, most))


def _pieces(text: str, parts: Mapping[str, float], most: float) -> Iterable[Piece]:
    at = 0
    for found in _pattern(parts).finditer(text):
        part = parts.get(" ".join(re.split(r"\W+", found[0].lower()))) or parts.get(found[0].lower())
        if part is None:
            continue
        if found.start() > at:
            yield Piece(text[at : found.start()])
        yield Piece(
            found[0], "plus" if part > 0 else "minus", max(1, round(LEVELS * abs(part) / most)), signed_text(part)
        )
        at = found.end()
    if at < len(text):
        yield Piece(text[at:])


def _pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    """Return what finds tokens as whole words; between the words of one token anything but letters may stand."""
    longest = sorted(tokens, key=lambda token: (-len(token), token))
    words = (r"\W+".join(map(re.escape, token.split())) for token in longest)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)
