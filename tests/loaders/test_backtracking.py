"""Patterns by which a model looks for words: those that could hold a worker for hours are refused, honest ones serve."""

from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from gateway.errors import LoadError
from gateway.loaders import get_loader
from gateway.loaders.backtracking import fault_of
from gateway.loaders.base import LoadOptions
from gateway.loaders.loops import components, reached

#: As people write them; none may be refused.
HONEST = [
    r"(?u)\b\w\w+\b", r"\b\w+\b", r"\S+", r"[a-z]+", r"(?u)\w+|[!?:(]+", r"[A-Za-z0-9]+(?=\s+)", r"\w+(?:[-']\w+)*",
    r"\b\w[\w'-]*\w\b", r"\w[\w']*\w|\w", r"\d+\.?\d*", r"\w+|\$[\d\.]+|\S+", r"[a-z]{3,}", r"\b[a-zA-Z]{2,15}\b",
    r"(?i)[a-zäöü]+", r"(?:\d{1,3}\.){3}\d{1,3}", r"\w+@\w+\.\w+(?:\.\w+)*", r"(?:[A-Z]\.)+|[A-Z][a-z]+|\w+",
    r"https?://\S+|\w+", r"[a-z]+(?:n't|'s)?|n't", r"\b(?:[a-z]+_)*[a-z]+\b", r"(?<!\w)[a-z]+(?!\w)", r".",
    r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}", r"(?u)\b\w\w*\b|<[^>]+>", r"(?x) \w+ ", r"[\u4e00-\u9fff]|\w+", r"\w+?\b",
    r"[0-9]+(?:[.,][0-9]+)*%?", r"(?:\w+\s){0,2}\w+", r"(?:apple|apple|pear)s?", r"(a|b)*c",
]  # fmt: skip
#: Each took longer than seconds for sixty letters, but for the last three, which are none or refer to what they matched.
HANGING = [
    r"(?:a+)+b", r"(?:\w+\s?)*$", r"(a|aa)+$", r"(.*a){20}", r"(?:a?){30}b", r"(?:aa?){30}b", "a?" * 30 + "a" * 30,
    r"\w*\w*\w*\w*!", r"(?:[a-z]+)*!", r"(?=(a+)+b)\w", r"(x+x+)+y", r"(?:a{1,8}){1,8}b", r"(?:ab|(?:ab))+!",
    r"(?:[bc]|[bc])+?x", r"(?:ab|a|a)*x", r"(?i)(?:ab|AB)+x", r"(?:жа|\w\w)+x", r"(?:\d+|\d+\.)+x", r"(?:a+?)+b",
    r"x|(?:y+)+z", r"((((a*)*)*)*)*b", r"^(\w+)\1$", "(", 7 * "(?:" + "a" + ")" * 6,
]  # fmt: skip


@pytest.mark.parametrize("pattern", HONEST)
def test_honest_patterns_serve(pattern: str) -> None:
    """A pattern of words, numbers, addresses or signs is searched with."""
    assert fault_of(pattern) == ""


@pytest.mark.parametrize("pattern", HANGING)
def test_patterns_that_hang_are_refused(pattern: str) -> None:
    """Repeats of repeats, of what may be empty and of what is read in two ways, and long rows of what overlaps."""
    assert fault_of(pattern)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"token_pattern": r"(?:a+)+b|\w+"}, r"(?:a+)+b"),
        ({"ngram_range": (1, 10**9)}, "n-grams"),
    ],
    ids=["a pattern that hangs", "endless n-grams"],
)
@pytest.mark.parametrize("made", [CountVectorizer, TfidfVectorizer])
def test_no_text_is_used_against_a_worker(tmp_path: Path, made: type, options: dict[str, Any], told: str) -> None:
    """The refusal names the part, and a process of its own as the way for who needs it."""
    model = make_pipeline(made(), LinearRegression()).fit(["good film", "bad plot"], [0, 1])
    model[0].set_params(**options)
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    with pytest.raises(LoadError) as error:
        get_loader("sklearn").load(path, LoadOptions())
    assert error.value.code == "unsupported-model"
    assert told in error.value.message
    assert "executor: process" in (error.value.hint or "")


def test_loops_of_a_graph() -> None:
    """Nodes that lead to each other, and a node that leads to itself, are loops; a way without return is none."""
    after = [[1], [2], [0, 3], [4], [4], []]
    assert sorted(map(sorted, components(after))) == [[0, 1, 2], [4]]
    assert reached(after, [3]) == {4}
