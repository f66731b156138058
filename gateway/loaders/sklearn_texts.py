"""Refuses vectorizers of texts that hold a worker for hours, or fill its memory, once a request brings the text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gateway.errors import LoadError
from gateway.loaders.admission.sklearn_trees import walk_parts
from gateway.loaders.backtracking import fault_of

#: A text of n letters has n n-grams of each length; those of models have a few words, or a dozen letters.
_LONGEST: Final = 64


def check_texts(path: Path, estimator: Any) -> None:
    """Raise LoadError (`unsupported-model`) for a vectorizer that no worker may run."""
    for part in walk_parts(estimator):
        if hasattr(part, "build_analyzer") and hasattr(part, "token_pattern"):
            fault = next(_faults(part), None)
            if fault is not None:
                what, instead = fault
                raise LoadError(
                    f"{path.name}: {type(part).__name__} {what}",
                    code="unsupported-model",
                    hint=f"{instead} and train it again, or serve it in a process of its own: `executor: process`",
                )


def _faults(part: Any) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a vectorizer, and what to write instead."""
    if max(part.ngram_range) > _LONGEST:
        yield f"counts n-grams of up to {max(part.ngram_range)} parts", f"count those of {_LONGEST} at most"
    if part.analyzer == "word" and part.tokenizer is None:
        why = fault_of(part.token_pattern) if isinstance(part.token_pattern, str) else "is no text"
        if why:
            shown = f"{part.token_pattern!s:.60}"
            yield f"looks for words by a pattern that {why}: {shown!r}", "write token_pattern without that"
