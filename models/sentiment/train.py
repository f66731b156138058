"""Train the sentiment model: unigram TF-IDF and logistic regression on film reviews, saved with skops."""

from __future__ import annotations

import csv
import io
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import figures, results, tracking, training

FIELD = "query"  # the pipeline takes an iterable of texts; this is what requests call it
TARGET = "Sentiment"
FOLDS = 10
C = 10.0
TITLES = {
    "auc_10_fold": "AUC, mean of 10 folds",
    "auc_10_fold_sd": "its standard deviation over folds",
    "accuracy_10_fold": "accuracy, mean of 10 folds",
    "majority_share": "accuracy of always the same answer",
}
REVIEW = re.compile(r"txt_sentoken/(pos|neg)/cv(\d{3})_[^/]*\.txt$")
PHRASES = {
    "that movie was boring": "Negative",
    "That was pretty entertaining": "Positive",
    "a gripping, beautifully acted film": "Positive",
    "one of the worst films I have ever seen": "Negative",
}
GOLDEN = (
    *PHRASES,
    "",
    "   ",
    "zzqx vlorp",
    "größer als das Leben, 映画 🎬",
    "The plot is dull and predictable, and the acting is terrible.",
    "What a wonderful, funny film: the cast is superb and the story moves along nicely!",
    "12345 !!! <b>good</b> & bad",
    "a waste of time " * 200,
)


class Reviews(NamedTuple):
    """Texts, their labels and the fold that each belongs to."""

    texts: list[str]
    labels: Any
    folds: Any


def load(content: bytes, target: str = TARGET) -> Reviews:
    """Read `review_polarity.tar.gz`, or the `train.tsv` of phrases with sentiments 0 to 4 (only 0 and 4 are used)."""
    rows = _from_archive(content) if content[:2] == b"\x1f\x8b" else _from_phrases(content, target)
    if not rows:
        raise SystemExit(
            "no review found; expected txt_sentoken/{pos,neg}/cv*.txt in a tar.gz, or Phrase<tab>Sentiment"
        )
    texts, labels, folds = zip(*rows, strict=True)
    return Reviews(list(texts), np.array(labels), np.array(folds))


def _from_archive(content: bytes) -> list[tuple[str, str, int]]:
    """File cvNNN belongs to fold NNN // 100: the ten folds of Pang and Lee (2004)."""
    rows = []
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in sorted(archive.getmembers(), key=lambda entry: entry.name):
            match = REVIEW.search(member.name)
            file = archive.extractfile(member) if match else None
            if match and file:
                label = "Positive" if match[1] == "pos" else "Negative"
                rows.append((file.read().decode("latin-1"), label, int(match[2]) // 100))
    return rows


def _from_phrases(content: bytes, target: str) -> list[tuple[str, str, int]]:
    """All phrases of one sentence share a fold: they are pieces of each other, apart they would leak."""
    table = pd.read_csv(io.BytesIO(content), sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    table = training.columns_of(table, ("Phrase", "SentenceId", target))
    names = {"0": "Negative", "4": "Positive"}
    return [
        (phrase, names[sentiment], int(sentence) % FOLDS)
        for phrase, sentence, sentiment in table.itertuples(index=False, name=None)
        if sentiment in names
    ]


def build() -> Pipeline:
    """
    Return the unfitted pipeline.

    Logarithmic counts let a phrase of five words be judged by a model of 700-word reviews; with bigrams the phrases of
    `PHRASES` went wrong and the artifact grew thirtyfold.
    """
    return Pipeline(
        [
            ("tfidf", TfidfVectorizer(min_df=5, sublinear_tf=True)),
            ("classifier", LogisticRegression(C=C, max_iter=1000)),
        ]
    )


def out_of_fold(reviews: Reviews) -> Any:
    """Return the probability of `Positive` of each text; vocabulary and weights are learned without its fold."""
    probability = np.empty(len(reviews.texts))
    for fold in tqdm(np.unique(reviews.folds), desc="sentiment", unit="fold"):
        inside, outside = np.flatnonzero(reviews.folds != fold), np.flatnonzero(reviews.folds == fold)
        model = build().fit([reviews.texts[i] for i in inside], reviews.labels[inside])
        probability[outside] = model.predict_proba([reviews.texts[i] for i in outside])[:, 1]
    return probability


def evaluate(reviews: Reviews, probability: Any) -> dict[str, Any]:
    """Return mean and spread over the folds."""
    positive = reviews.labels == "Positive"
    folds = [reviews.folds == fold for fold in np.unique(reviews.folds)]
    aucs = [roc_auc_score(positive[fold], probability[fold]) for fold in folds]
    accuracies = [accuracy_score(positive[fold], probability[fold] > 0.5) for fold in folds]
    return {
        "auc_10_fold": round(float(np.mean(aucs)), 4),
        "auc_10_fold_sd": round(float(np.std(aucs)), 4),
        "accuracy_10_fold": round(float(np.mean(accuracies)), 4),
        "majority_share": round(float(max(positive.mean(), 1 - positive.mean())), 4),
    }


def save(model: Pipeline, path: Path) -> None:
    """Write the artifact, deflated."""
    skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    """Train, evaluate, save, record."""
    accepts = "review_polarity.tar.gz, or the train.tsv of phrases"
    job = training.read_job(__file__, __doc__ or "", accepts, "review_polarity.tar.gz", target=TARGET)
    tracking.open_store()
    source = str(job.data)
    content = training.read_bytes(source)
    reviews = load(content, job.target)
    probability = out_of_fold(reviews)
    model = build().fit(reviews.texts, reviews.labels)
    save(model, job.out / "model.skops")
    names = [str(name) for name in model.classes_]
    predictions = [
        training.classified(str(label), dict(zip(names, p, strict=True)))
        for label, p in zip(model.predict(GOLDEN), model.predict_proba(GOLDEN), strict=True)
    ]
    metrics = {
        "data": {"source": Path(source).name, "rows": len(reviews.texts), "sha256": training.fingerprint(content)},
        "split": "the ten official folds (file number // 100); the artifact is fitted on all rows",
        "figures": evaluate(reviews, probability),
        "vocabulary": len(model.named_steps["tfidf"].vocabulary_),
        "seed": None,
        "versions": training.versions("scikit-learn", "skops", "numpy", "scipy"),
    }
    truth = (reviews.labels == "Positive").astype(int)
    results.leave(
        __file__,
        results.Results(
            artifact=job.out / "model.skops",
            flavour="sklearn",
            model=model,
            metrics=metrics,
            titles=TITLES,
            parameters={"target": job.target, "folds": FOLDS, "model": "LogisticRegression", "C": C},
            rows=pd.DataFrame({FIELD: list(GOLDEN)}),
            predictions=predictions,
            plots=figures.classifier(job.out, truth, probability, threshold=0.5, labels=names),
        ),
    )


if __name__ == "__main__":
    main()
