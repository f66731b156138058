"""What people write between the parts that they save, `.toarray()`, is done where the model was trained on its result."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import MinMaxScaler

from . import bundled

DRAW = np.random.default_rng(2)
TEXTS = [" ".join(DRAW.choice(["free", "prize", "lunch", "noon", "see", "you", "win"], 5)) for _ in range(60)]
SPAM = np.array([text.count("free") + text.count("win") > 1 for text in TEXTS]).astype(int)
ASKED = ["a free lunch prize", "see you", "win win win"]


def test_a_vectorizer_stands_before_what_takes_dense_tables_only(tmp_path: Path) -> None:
    """Naive Bayes of Gaussians and most scalers refuse a sparse table; people call `.toarray()` before them."""
    words = CountVectorizer().fit(TEXTS)
    judge = GaussianNB().fit(words.transform(TEXTS).toarray(), SPAM)
    found = bundled.load(bundled.write(tmp_path, {"cv.pkl": words, "classifier.pkl": judge}))
    right = judge.predict_proba(words.transform(ASKED).toarray())
    np.testing.assert_allclose(bundled.ask(found, ASKED), right, rtol=1e-12)
    scaler = MinMaxScaler().fit(words.transform(TEXTS).toarray())
    judge = GaussianNB().fit(scaler.transform(words.transform(TEXTS).toarray()), SPAM)
    found = bundled.load(bundled.write(tmp_path / "b", {"m.pkl": {"clf": judge, "scaler": scaler, "cv": words}}))
    right = judge.predict_proba(scaler.transform(words.transform(ASKED).toarray()))
    np.testing.assert_allclose(bundled.ask(found, ASKED), right, rtol=1e-12)


@pytest.mark.parametrize("vectorizer", [CountVectorizer(), CountVectorizer(binary=True), TfidfVectorizer()])
@pytest.mark.parametrize("method", ["hist", "exact", "approx"])
@pytest.mark.parametrize("is_dense", [True, False])
def test_xgboost_gets_the_zeros_that_it_was_trained_on(
    vectorizer: Any, method: str, is_dense: bool, tmp_path: Path
) -> None:
    """An absent word is a zero to trees that were trained on a dense table, and missing to those of a sparse one."""
    xgboost = pytest.importorskip("xgboost", reason="the extra xgboost is not installed")
    words = vectorizer.fit(TEXTS)

    def table(texts: list[str]) -> Any:
        return words.transform(texts).toarray() if is_dense else words.transform(texts)

    model = xgboost.XGBClassifier(n_estimators=5, max_depth=3, tree_method=method, n_jobs=1).fit(table(TEXTS), SPAM)
    right = model.predict_proba(table(ASKED))
    for name, held in {"model.pkl": model, "model.ubj": model.save_model}.items():
        found = bundled.load(bundled.write(tmp_path / name, {"vectorizer.pkl": words, name: held}))
        np.testing.assert_allclose(bundled.ask(found, ASKED), right, rtol=1e-6)
