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
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # runs as a plain script from anywhere

from models import training

FIELD = "query"  # the pipeline takes an iterable of texts; this is what requests call it
FOLDS = 10
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


def load(content: bytes) -> Reviews:
    """Read `review_polarity.tar.gz`, or the `train.tsv` of phrases with sentiments 0 to 4 (only 0 and 4 are used)."""
    rows = _from_archive(content) if content[:2] == b"\x1f\x8b" else _from_phrases(content)
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


def _from_phrases(content: bytes) -> list[tuple[str, str, int]]:
    """All phrases of one sentence share a fold: they are pieces of each other, apart they would leak."""
    lines = csv.DictReader(io.StringIO(content.decode("utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE)
    names = {"0": "Negative", "4": "Positive"}
    return [
        (line["Phrase"], names[line["Sentiment"]], int(line["SentenceId"]) % FOLDS)
        for line in lines
        if line["Sentiment"] in names
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
            ("classifier", LogisticRegression(C=10.0, max_iter=1000)),
        ]
    )


def evaluate(reviews: Reviews) -> dict[str, Any]:
    """Return mean and spread over the folds; vocabulary and weights are learned without the fold."""
    aucs, accuracies = [], []
    for fold in np.unique(reviews.folds):
        inside, outside = np.where(reviews.folds != fold)[0], np.where(reviews.folds == fold)[0]
        model = build().fit([reviews.texts[i] for i in inside], reviews.labels[inside])
        texts = [reviews.texts[i] for i in outside]
        aucs.append(roc_auc_score(reviews.labels[outside] == "Positive", model.predict_proba(texts)[:, 1]))
        accuracies.append(accuracy_score(reviews.labels[outside], model.predict(texts)))
    return {
        "auc_10_fold": round(float(np.mean(aucs)), 4),
        "auc_10_fold_sd": round(float(np.std(aucs)), 4),
        "accuracy_10_fold": round(float(np.mean(accuracies)), 4),
        "majority_share": round(float(max(np.mean(reviews.labels == label) for label in ("Negative", "Positive"))), 4),
    }


def save(model: Pipeline, path: Path) -> None:
    """Write the artifact, deflated."""
    skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    """Train, evaluate, save."""
    accepts = "review_polarity.tar.gz, or the train.tsv of phrases"
    job = training.read_job(__file__, __doc__ or "", accepts, "review_polarity.tar.gz")
    source = str(job.data)
    content = training.read_bytes(source)
    reviews = load(content)
    figures = evaluate(reviews)
    model = build().fit(reviews.texts, reviews.labels)
    save(model, job.out / "model.skops")
    names = [str(name) for name in model.classes_]
    predictions = [
        training.classified(str(label), dict(zip(names, p, strict=True)))
        for label, p in zip(model.predict(GOLDEN), model.predict_proba(GOLDEN), strict=True)
    ]
    training.write_golden(job.out, [{FIELD: text} for text in GOLDEN], predictions)
    metrics = {
        "data": {"source": Path(source).name, "rows": len(reviews.texts), "sha256": training.fingerprint(content)},
        "split": "the ten official folds (file number // 100); the artifact is fitted on all rows",
        "figures": figures,
        "vocabulary": len(model.named_steps["tfidf"].vocabulary_),
        "seed": None,
        "versions": training.versions("scikit-learn", "skops", "numpy", "scipy"),
    }
    training.write_json(job.out / "metrics.json", metrics)
    print("sentiment:", figures)


if __name__ == "__main__":
    main()
