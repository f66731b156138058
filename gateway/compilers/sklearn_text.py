"""
Lowers CountVectorizer and TfidfVectorizer to the program of vectorizer.py. Runs while preparing.

Everything they can be told in words is kept; functions of one's own are declined.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from gateway.compilers.base import Declined
from gateway.runtimes.vectorizer import Vectorizer

VECTORIZERS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}


@dataclass(frozen=True, slots=True)
class Text:
    """Hold a column of text, the number of terms, and the vectoriser's program."""

    column: int
    width: int
    program: Vectorizer


def lower_vectorizer(step: Any, column: int) -> Text:
    """Return the program of a fitted vectoriser."""
    kind = type(step).__name__
    if kind == "HashingVectorizer":
        raise Declined("HashingVectorizer is not known to the compiler")
    for name in ("preprocessor", "tokenizer"):
        if getattr(step, name) is not None:
            raise Declined(f"the vectoriser has a {name} of its own")
    if callable(step.analyzer) or callable(step.strip_accents) or step.input != "content":
        raise Declined("the vectoriser has an analyser of its own")
    terms = sorted(step.vocabulary_.items(), key=lambda pair: int(pair[1]))
    low, high = step.ngram_range
    program = Vectorizer(
        lowercase=bool(step.lowercase),
        accents=step.strip_accents,
        analyzer=step.analyzer,
        pattern=step.token_pattern or "",
        stop_words=sorted(step.get_stop_words() or ()),
        ngrams=(int(low), int(high)),
        terms=[str(term) for term, _ in terms],
        indices=[int(index) for _, index in terms],
        binary=bool(step.binary),
    )
    text = Text(column, len(terms), program)
    return weigh_terms(step, text) if kind == "TfidfVectorizer" else text


def weigh_terms(step: Any, text: Text) -> Text:
    """Return the text with the weighting of a TfidfVectorizer or TfidfTransformer."""
    if text.program.idf is not None or text.program.norm is not None:
        raise Declined("terms are weighted twice")
    idf = np.asarray(step.idf_, dtype=np.float64) if step.use_idf else None
    weighted = msgspec.structs.replace(text.program, sublinear=bool(step.sublinear_tf), idf=idf, norm=step.norm)
    return replace(text, program=weighted)


def as_presence(text: Text) -> Text:
    """Return the text with 1 for every term that occurs: what a threshold of 0 makes of any weighting."""
    present = msgspec.structs.replace(text.program, binary=True, sublinear=False, idf=None, norm=None)
    return replace(text, program=present)
