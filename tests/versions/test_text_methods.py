"""Methods of text are admitted where a vectorizer is given one, and nothing else is asked for by name."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from gateway.errors import ArtifactError
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import make_column

TEXTS = ["a good film", "a bad film", "good plot", "bad actor"]


def loaded(path: Path, model: Any) -> Any:
    """Save a model and load it as a route that allows pickles does."""
    path.write_bytes(pickle.dumps(model))
    return get_loader("sklearn").load(path, LoadOptions(allow_pickle=True))


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(tokenizer=str.split, token_pattern=None),
        CountVectorizer(preprocessor=str.upper),
        CountVectorizer(analyzer=str.split),
    ],
)
def test_a_method_of_text_splits_or_cleans(tmp_path: Path, vectorizer: Any) -> None:
    """The answers are those of the model that was saved."""
    model = make_pipeline(vectorizer, MultinomialNB()).fit(TEXTS, [1, 0, 1, 0])
    found = loaded(tmp_path / "model.pkl", model).predict([make_column("string", TEXTS)])
    assert found.probabilities.tolist() == model.predict_proba(TEXTS).tolist()


def test_no_other_attribute_is_read(tmp_path: Path) -> None:
    """`getattr` of anything but such a method of text is refused by name."""
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, [1, 0, 1, 0])
    model.steps[0][1].tokenizer = str.format
    with pytest.raises(ArtifactError, match="the attribute format of str") as caught:
        loaded(tmp_path / "model.pkl", model)
    assert caught.value.code == "forbidden-pickle"
