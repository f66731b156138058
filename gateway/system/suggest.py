"""Did-you-mean suggestions for misspelt words. Guesses only close words: a wrong guess costs more than none."""

import difflib
from collections.abc import Iterable
from functools import lru_cache
from heapq import nlargest
from operator import itemgetter

#: difflib's ratio from which a guess is right more often than wrong ('sklern' -> 'sklearn' is 0.92).
CLOSE = 0.7
#: Ratios that differ by less do not decide between two words.
_TIE = 0.05


#: Longer words are not misspelt names.
MAX_WORD = 64
#: Words that are compared letter by letter, 15 us each: those with the most pairs of letters in common.
_MAX_COMPARED = 8


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one known word that `word` is close to, or None; differences in case count little."""
    ratios = _ratios(word, tuple(known))
    return max(ratios, key=lambda option: ratios[option], default=None)


def likely(word: str, known: Iterable[str]) -> list[str]:
    """Return every known word that is as close to `word` as the closest one; none where nothing is close."""
    options = tuple(known)
    ratios = _ratios(word, options)
    best = max(ratios.values(), default=0.0)
    return [option for option in options if best - ratios.get(option, -1.0) < _TIE]


def _ratios(word: str, known: tuple[str, ...]) -> dict[str, float]:
    """Return the similarity of the closest words; the same word in another case is the only one returned."""
    if len(word) > MAX_WORD:
        return {}
    lowered, words = word.lower(), _index(known)
    same = {option: 1.0 for option, other, _ in words if other == lowered}
    if same:
        return same
    pairs, least, most = _pairs(lowered), len(word) * CLOSE / (2 - CLOSE), len(word) * (2 - CLOSE) / CLOSE
    in_common = ((len(pairs & theirs), option, other) for option, other, theirs in words if least <= len(other) <= most)
    matcher = difflib.SequenceMatcher(b=lowered)
    ratios = {}
    for _, option, other in nlargest(_MAX_COMPARED, in_common, key=itemgetter(0)):
        matcher.set_seq1(other)
        if matcher.quick_ratio() >= CLOSE and (ratio := matcher.ratio()) >= CLOSE:
            ratios[option] = ratio
    return ratios


@lru_cache(maxsize=64)
def _index(known: tuple[str, ...]) -> list[tuple[str, str, frozenset[str]]]:
    """Return each word, its small letters, and the pairs of letters that it has."""
    return [(option, option.lower(), _pairs(option.lower())) for option in known]


def _pairs(word: str) -> frozenset[str]:
    return frozenset(map("".join, zip(f" {word}", f"{word} ", strict=True)))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the question that a `fix:` line asks, or None where nothing is close."""
    guess = nearest(word, known)
    return None if guess is None else f"did you mean '{guess}'?"


def listing(words: Iterable[object], last: str = "or", most: int = 12) -> str:
    """Join words as prose: `a, b or c`; more than `most` are cut and counted."""
    items = [str(word) for word in words]
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    if len(items) > 1:
        return f"{', '.join(items[:-1])} {last} {items[-1]}"
    return items[0] if items else "none"
