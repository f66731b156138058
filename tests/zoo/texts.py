"""scikit-learn on texts: word and character n-grams, custom patterns, hashing, scripts other than Latin."""

from pathlib import Path
from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from .data import ODD_TEXTS, TEST, moods, people, texts
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, regressed, rows_of, species

TEXTS = texts()
ASKED = [*TEXTS[: TEST - len(ODD_TEXTS)], *ODD_TEXTS]


def _text(folder: Path, model: Any, save: Any = as_skops) -> Grown:
    model.fit(TEXTS, moods())
    rows = [{"text": text} for text in ASKED]
    answers = classified(model, ASKED)
    return Grown(**save(folder, model), rows=rows, answers=answers, bad=[({"text": ""}, "empty")])


@species("sklearn-text-words")
def words(folder: Path) -> Grown:
    """TF-IDF of words and a logistic regression, joblib."""
    return _text(folder, make_pipeline(TfidfVectorizer(), LogisticRegression()), as_joblib)


@species("sklearn-text-token-pattern", core=True)
def token_pattern(folder: Path) -> Grown:
    """A token pattern that keeps single letters and punctuation, bigrams, case kept, binary counts."""
    counts = CountVectorizer(token_pattern=r"(?u)\w+|[!?:(]+", ngram_range=(1, 2), lowercase=False, binary=True)
    return _text(folder, make_pipeline(counts, TfidfTransformer(sublinear_tf=True), LogisticRegression()))


@species("sklearn-text-characters")
def characters(folder: Path) -> Grown:
    """Character n-grams within words and a linear SVM without probabilities."""
    return _text(folder, make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LinearSVC()))


@species("sklearn-text-characters-across")
def characters_across(folder: Path) -> Grown:
    """Character n-grams across words, accents stripped, multinomial naive Bayes."""
    counts = CountVectorizer(analyzer="char", ngram_range=(1, 3), strip_accents="unicode")
    return _text(folder, make_pipeline(counts, MultinomialNB()), as_pickle)


@species("sklearn-text-hashing")
def hashing(folder: Path) -> Grown:
    """Hashed words and a linear model learnt by gradient descent."""
    hashed = HashingVectorizer(n_features=2**10)
    return _text(folder, make_pipeline(hashed, SGDClassifier(loss="log_loss", random_state=0)))


@species("sklearn-text-stop-words")
def stop_words(folder: Path) -> Grown:
    """Stop words, a limited vocabulary, ASCII accents stripped, complement naive Bayes."""
    counts = TfidfVectorizer(stop_words="english", max_features=20, strip_accents="ascii", norm="l1", use_idf=False)
    return _text(folder, make_pipeline(counts, ComplementNB()))


@species("sklearn-text-union")
def union(folder: Path) -> Grown:
    """Words and characters side by side."""
    both = FeatureUnion([("words", TfidfVectorizer()), ("characters", TfidfVectorizer(analyzer="char", min_df=2))])
    return _text(folder, make_pipeline(both, LogisticRegression()), as_joblib)


@species("sklearn-text-reduced")
def reduced(folder: Path) -> Grown:
    """TF-IDF, truncated SVD and a random forest."""
    steps = make_pipeline(TfidfVectorizer(), TruncatedSVD(5, random_state=0), RandomForestClassifier(7, random_state=0))
    return _text(folder, steps)


@species("sklearn-text-value")
def value(folder: Path) -> Grown:
    """A number from a text."""
    model = make_pipeline(CountVectorizer(), Ridge()).fit(TEXTS, [float(len(text)) for text in TEXTS])
    rows = [{"text": text} for text in ASKED]
    return Grown(**as_skops(folder, model), rows=rows, answers=regressed(model, ASKED))


@species("sklearn-text-column")
def column(folder: Path) -> Grown:
    """One text column of a frame beside scaled numbers."""
    rows = people("note", "age")
    steps = make_column_transformer(
        (CountVectorizer(analyzer="char", ngram_range=(1, 2)), "note"), (StandardScaler(), ["age"])
    )
    model = make_pipeline(steps, LogisticRegression(max_iter=300)).fit(rows, moods())
    asked = rows[:TEST].copy()
    asked.iloc[: len(ODD_TEXTS), 0] = ODD_TEXTS
    return Grown(**as_skops(folder, model), rows=rows_of(asked), answers=classified(model, asked))


@species("sklearn-text-two-columns")
def two_columns(folder: Path) -> Grown:
    """Two text columns of a frame, each with a vocabulary of its own."""
    rows = people("note").assign(title=[text[::-1] for text in people().note])
    steps = make_column_transformer((TfidfVectorizer(), "note"), (TfidfVectorizer(analyzer="char"), "title"))
    model = make_pipeline(steps, LogisticRegression()).fit(rows, moods())
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


def _split(text: str) -> list[str]:
    """Stand for a tokenizer of the user's own."""
    return text.split()


@species("sklearn-text-own-tokenizer")
def own_tokenizer(folder: Path) -> Grown:
    """A tokenizer of the user's own is code, which a pickle may not bring along."""
    model = make_pipeline(CountVectorizer(tokenizer=_split, token_pattern=None), LogisticRegression())
    return Grown(**as_joblib(folder, model.fit(TEXTS, moods())), refused="forbidden-pickle", says="_split")
