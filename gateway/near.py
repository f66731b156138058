"""The word that was probably meant. Guesses only when it is close: a wrong guess costs more than none."""

import difflib
from collections.abc import Iterable

#: difflib's ratio from which a guess is right more often than wrong ('sklern' -> 'sklearn' is 0.92).
CLOSE = 0.7
#: Ratios that differ by less do not decide between two words.
_TIE = 0.05


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one known word that `word` is close to, or None; differences in case count little."""
    by_lower = {option.lower(): option for option in known}
    if word.lower() in by_lower:
        return by_lower[word.lower()]
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=CLOSE)
    return by_lower[found[0]] if found else None


def likely(word: str, known: Iterable[str]) -> list[str]:
    """Return every known word that is as close to `word` as the closest one; none where nothing is close."""
    options = list(known)
    lowered = word.lower()
    same = [option for option in options if option.lower() == lowered]
    if same:
        return same
    matcher = difflib.SequenceMatcher(b=lowered)
    ratios = []
    for option in options:
        matcher.set_seq1(option.lower())
        is_close = matcher.real_quick_ratio() >= CLOSE and matcher.quick_ratio() >= CLOSE
        ratios.append(matcher.ratio() if is_close else 0.0)
    best = max(ratios, default=0.0)
    return [option for option, ratio in zip(options, ratios, strict=True) if ratio >= CLOSE and best - ratio < _TIE]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the question that a `fix:` line asks, or None where nothing is close."""
    guess = nearest(word, known)
    return None if guess is None else f"did you mean '{guess}'?"


def listing(words: Iterable[object], last: str = "or", most: int = 12) -> str:
    """Join words as prose: `a, b or c`; more than `most` are cut and counted."""
    items = [str(word) for word in words]
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else "none"
