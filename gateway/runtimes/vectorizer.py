"""
Text -> counts of known terms -> weighted terms, as scikit-learn's vectorisers do it, without sparse matrices.

Used by runtimes; needs no numpy. What it cannot do is declined when lowering.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from gateway.runtimes.arrays import Floats

Weigh: TypeAlias = Callable[[Any], tuple[list[int], list[float]]]

_SPACES = re.compile(r"\s\s+")


class Vectorizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Hold a fitted vectoriser: how a text becomes terms, which `terms` are known, and how their counts are weighted.

    `indices` are the numbers of `terms`; `pattern` finds words where `analyzer` is "word".
    """

    lowercase: bool
    accents: Literal["unicode", "ascii"] | None
    analyzer: Literal["word", "char", "char_wb"]
    pattern: str
    stop_words: list[str]
    ngrams: tuple[int, int]
    terms: list[str]
    indices: list[int]
    binary: bool
    sublinear: bool = False
    idf: Floats | None = None
    norm: Literal["l1", "l2"] | None = None


def make_counter(program: Vectorizer) -> Callable[[Any], list[int]]:
    """Return a function from a text to the indices of its known terms, each as often as it occurs."""
    split = make_analyzer(program)
    find = {term: index for index, term in zip(program.indices, program.terms, strict=True)}.get

    def count(text: Any) -> list[int]:
        if not isinstance(text, str):
            raise ValueError("a missing text cannot be counted")
        return [index for term in split(text) if (index := find(term)) is not None]

    return count


def make_vectorizer(program: Vectorizer) -> Weigh:
    """Return a function from a text to term indices and values; raises ValueError for a missing text."""
    occurring = make_counter(program)
    weigh = _make_weighing(program)

    def vectorize(text: Any) -> tuple[list[int], list[float]]:
        counts: dict[int, int] = {}
        count = counts.get
        for index in occurring(text):
            counts[index] = count(index, 0) + 1
        return weigh(counts)

    return vectorize


def _make_weighing(program: Vectorizer) -> Callable[[dict[int, int]], tuple[list[int], list[float]]]:
    binary, sublinear, norm = program.binary, program.sublinear, program.norm
    idf = None if program.idf is None else program.idf.tolist()
    log, root = math.log, math.sqrt

    def weigh(counts: dict[int, int]) -> tuple[list[int], list[float]]:
        indices = list(counts)
        values = [1.0] * len(indices) if binary else [float(count) for count in counts.values()]
        if sublinear:
            values = [log(value) + 1.0 if value != 1.0 else 1.0 for value in values]
        if idf is not None:
            values = [value * idf[index] for value, index in zip(values, indices, strict=True)]
        if norm == "l2":
            length = root(sum([value * value for value in values]))
        elif norm == "l1":
            length = sum([abs(value) for value in values])
        else:
            return indices, values
        return indices, ([value / length for value in values] if length else values)

    return weigh


def make_analyzer(program: Vectorizer) -> Callable[[str], Sequence[str]]:
    """Return a function from a text to its terms."""
    clean = _make_cleaner(program.lowercase, program.accents)
    low, high = program.ngrams
    analyzer = program.analyzer
    if analyzer == "char":
        return lambda text: _char_ngrams(clean(text), low, high)
    if analyzer == "char_wb":
        return lambda text: _char_wb_ngrams(clean(text), low, high)
    find = re.compile(program.pattern).findall
    stop = frozenset(program.stop_words)
    if stop:

        def tokens(text: str) -> list[str]:
            return [token for token in find(clean(text)) if token not in stop]
    else:

        def tokens(text: str) -> list[str]:
            return list(find(clean(text)))

    if high == 1:
        return tokens
    return lambda text: _word_ngrams(tokens(text), low, high)


def _make_cleaner(lowercase: bool, accents: str | None) -> Callable[[str], str]:
    strip = {None: None, "unicode": _without_accents, "ascii": _as_ascii}[accents]
    if strip is None:
        return str.lower if lowercase else str
    return (lambda text: strip(text.lower())) if lowercase else strip


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])


def _as_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")


def _word_ngrams(words: list[str], low: int, high: int) -> list[str]:
    terms = list(words) if low == 1 else []
    count = len(words)
    for size in range(max(low, 2), min(high, count) + 1):
        terms += [" ".join(words[start : start + size]) for start in range(count - size + 1)]
    return terms


def _char_ngrams(text: str, low: int, high: int) -> list[str]:
    text = _SPACES.sub(" ", text)
    count = len(text)
    sizes = range(low, min(high, count) + 1)
    return [text[start : start + size] for size in sizes for start in range(count - size + 1)]


def _char_wb_ngrams(text: str, low: int, high: int) -> list[str]:
    terms = []
    for bare in _SPACES.sub(" ", text).split():
        word = f" {bare} "
        for size in range(low, high + 1):
            last = max(len(word) - size, 0)
            terms += [word[start : start + size] for start in range(last + 1)]
            if last == 0:
                break  # a word shorter than the size counts once
    return terms
