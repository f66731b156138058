"""Say whether an unknown name is probably a misspelt one: a slip of the fingers, other units, more or fewer words."""

import re
import unicodedata
from typing import Final

#: A word of fewer letters inside of another name is no resemblance.
_SHORTEST_WORD: Final = 3
#: Letters of a word from which one letter, and from which two, may be wrong.
_ONE_SLIP: Final = 4
_TWO_SLIPS: Final = 8
_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
#: How web forms write the member of an object: `patient[age]`.
_MEMBER: Final = re.compile(r"[\w-]+(?:\[[\w-]+\])+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS: Final = re.compile(r"[\W_]+")
_NUMBER: Final = re.compile(r"[0-9]+")
_ZEROS: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")
_R_PREFIX: Final = re.compile(r"^x(?=[0-9])")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
#: Units that stand for one another: each line is one quantity.
_QUANTITIES: Final = (
    "ng ug mcg μg mg g kg t lb lbs oz",
    "nm um mm cm m km in inch inches ft feet yd mi miles",
    "m2 m3 sqft sqm ha",
    "mph kmh",
    "ms s sec second seconds min minute minutes h hr hrs hour hours d day days week weeks month months y yr yrs"
    " year years",
    "ml cl dl l litre liter litres liters gal",
    "mol mmol",
    "pct percent",
    "usd eur gbp chf jpy dollar dollars euro euros",
    "c f k deg degc degf celsius fahrenheit kelvin",
    "mmhg pa hpa kpa bar psi",
    "w kw mw",
    "wh kwh",
    "v",
    "a",
    "hz khz mhz ghz",
    "kb mb gb",
)
_QUANTITY: Final = {unit: at for at, line in enumerate(_QUANTITIES) for unit in line.split()}
_BETWEEN_UNITS: Final = frozenset({"in", "per"})


def bare(name: str) -> str:
    """Return a name without its text in brackets."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    return _BRACKETS.sub(" ", name)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name without its text in brackets; those of `patient[age]` include it."""
    text = name if _MEMBER.fullmatch(name) else bare(name)
    return tuple(filter(None, _WORDS.split(_HUMP.sub(" ", text).casefold())))


def shares_words(sent: tuple[str, ...], own: tuple[str, ...]) -> bool:
    """Say whether two names have the same words but for units, or one begins with or holds the other word by word."""
    if not sent or not own or min(len("".join(sent)), len("".join(own))) < _SHORTEST_WORD:
        return False
    if (len(sent) == len(own) and sorted(sent) == sorted(own)) or _holds(sent, own) or sent == own[: len(sent)]:
        return True
    (stem, unit), (own_stem, own_unit) = _split(sent), _split(own)
    return stem == own_stem and (unit is None or own_unit is None or unit == own_unit)


def _holds(sent: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return f" {' '.join(part)} " in f" {' '.join(sent)} "


def _split(name: tuple[str, ...]) -> tuple[tuple[str, ...], int | None]:
    """Return the words before the units at the end, at least one, and the quantities of the units."""
    size = len(name)
    while size > 1 and (name[size - 1] in _QUANTITY or name[size - 1] in _BETWEEN_UNITS):
        size -= 1
    return name[:size], _QUANTITY.get(name[size]) if size < len(name) else None


def is_slip(sent: str, own: str) -> bool:
    """
    Say whether a name is probably another one with typing errors, or as a program has written it.

    Numbers in it must be the same: `lag_11` is no misspelt `lag_1`. Where both have as many words, each is judged for
    itself: `temperature_max` is no misspelt `temperature_min`.
    """
    one, other = _plain(sent), _plain(own)
    if not one or not other:
        return False
    if one == other or _is_numbered("".join(one), "".join(other)):
        return True
    if _NUMBER.findall(" ".join(one)) != _NUMBER.findall(" ".join(other)):
        return False
    if len(one) != len(other):
        return _is_word_slip("".join(one), "".join(other))
    differ = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return all(_is_word_slip(*pair) or (len(differ) < len(one) and _is_cut(*pair)) for pair in differ)


def _plain(name: str) -> tuple[str, ...]:
    """Return the words of a name without the X that R puts before digits, umlauts and zeros before numbers."""
    text = _R_PREFIX.sub("", " ".join(words(name))).translate(_UMLAUTS)
    return tuple(_ZEROS.sub("", text).split())


def _is_numbered(one: str, other: str) -> bool:
    """Say whether only one of two names ends with a number, as pandas and spreadsheets name a second column."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST_WORD and not short[-1].isdigit() and long.rstrip("0123456789") == short


def _is_cut(one: str, other: str) -> bool:
    """Say whether one word is the beginning of the other: `tot` for `total`, `m` for `mg`."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long.isalpha() and (len(short) >= _SHORTEST_WORD or len(long) == len(short) + 1)


def _is_word_slip(sent: str, own: str) -> bool:
    """Require the same first letter: typing errors there are rare, and `weight` and `height` are two words."""
    short, long = sorted((sent, own), key=len)
    if long in (f"{short}s", f"{short}es", f"{short.removesuffix('y')}ies"):
        return len(short) >= _SHORTEST_WORD
    if len(long) < _ONE_SLIP or sent[0] != own[0]:
        return len(short) == _SHORTEST_WORD and sent[0] == own[0] and sorted(sent) == sorted(own)
    return _distance(sent, own) <= (1 if len(short) < _TWO_SLIPS else 2)


def _distance(one: str, other: str) -> int:
    """Count letters left out, added, replaced or swapped with the next."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        row = [at]
        for to, theirs in enumerate(other, start=1):
            cost = min(last[to] + 1, row[to - 1] + 1, last[to - 1] + (letter != theirs))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == theirs:
                cost = min(cost, before[to - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
