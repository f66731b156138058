"""
Lowers CountVectorizer and TfidfVectorizer to the program of vectorizer.py. Runs while preparing.

Everything they can be told in words is kept; functions of one's own are declined.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gateway.compilers.base import Declined

VECTORIZERS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}


@dataclass(frozen=True, slots=True)
class Text:
    """Hold a column of text, the number of terms, and the vectoriser's program."""

    column: int
    width: int
    program: dict[str, Any]


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
    program: dict[str, Any] = {
        "lowercase": bool(step.lowercase),
        "accents": step.strip_accents,
        "analyzer": step.analyzer,
        "pattern": step.token_pattern,
        "stop_words": sorted(step.get_stop_words() or ()),
        "ngrams": [int(size) for size in step.ngram_range],
        "terms": [str(term) for term, _ in terms],
        "indices": [int(index) for _, index in terms],
        "binary": bool(step.binary),
        "sublinear": False,
        "idf": None,
        "norm": None,
    }
    text = Text(column, len(terms), program)
    return weigh_terms(step, text) if kind == "TfidfVectorizer" else text


def weigh_terms(step: Any, text: Text) -> Text:
    """Return the text with the weighting of a TfidfVectorizer or TfidfTransformer."""
    if text.program["idf"] is not None or text.program["norm"] is not None:
        raise Declined("terms are weighted twice")
    idf = np.asarray(step.idf_, dtype=np.float64) if step.use_idf else None
    return replace(text, program={**text.program, "sublinear": bool(step.sublinear_tf), "idf": idf, "norm": step.norm})


def as_presence(text: Text) -> Text:
    """Return the text with 1 for every term that occurs: what a threshold of 0 makes of any weighting."""
    return replace(text, program={**text.program, "binary": True, "sublinear": False, "idf": None, "norm": None})
