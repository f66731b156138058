"""Labels of every JSON type, and classifiers with and without probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.linear_model import (
    LogisticRegression,
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from .data import TEST, classes, matrix
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, rows_of, species

ROWS = matrix(seed=9)


def _labelled(folder: Path, model: Any, labels: Any, save: Any = as_skops) -> Grown:
    model.fit(ROWS, classes(ROWS, labels))
    return Grown(**save(folder, model), rows=rows_of(ROWS[:TEST]), answers=classified(model, ROWS[:TEST]))


@species("labels-booleans")
def booleans(folder: Path) -> Grown:
    """Labels true and false."""
    return _labelled(folder, LogisticRegression(), [True, False])


@species("labels-gaps")
def gaps(folder: Path) -> Grown:
    """Whole-number labels with gaps: -3, 7 and 42."""
    return _labelled(folder, make_pipeline(StandardScaler(), LogisticRegression()), [7, 42, -3])


@species("labels-small-integers")
def small_integers(folder: Path) -> Grown:
    """Labels of numpy's int8."""
    return _labelled(folder, GaussianNB(), np.array([1, 2, 5], dtype=np.int8), as_pickle)


@species("labels-floats")
def floats(folder: Path) -> Grown:
    """Labels 1.0 and 2.0 stay numbers with a point."""
    return _labelled(folder, DecisionTreeClassifier(max_depth=3, random_state=0), [1.0, 2.0, 4.0])


@species("labels-number-texts")
def number_texts(folder: Path) -> Grown:
    """Labels that are texts of digits stay texts."""
    return _labelled(folder, KNeighborsClassifier(5), ["10", "9", "007"])


@species("labels-unicode")
def unicode(folder: Path) -> Grown:
    """Labels in several scripts, of different lengths, with spaces and quotes."""
    return _labelled(folder, LogisticRegression(), ["ja, natürlich", "いいえ", '"maybe"'], as_joblib)


@species("labels-objects")
def objects(folder: Path) -> Grown:
    """Labels in an array of objects."""
    return _labelled(folder, ExtraTreesClassifier(7, random_state=0), np.array(["no", "yes"], dtype=object))


@species("labels-one-class")
def one_class(folder: Path) -> Grown:
    """A tree that saw one class only."""
    return _labelled(folder, DecisionTreeClassifier(), ["only"])


@species("labels-many")
def many(folder: Path) -> Grown:
    """Thirty classes."""
    return _labelled(folder, GaussianNB(), [f"c{i:02}" for i in range(30)])


@species("plain-linear-svc")
def linear_svc(folder: Path) -> Grown:
    """LinearSVC has no probabilities."""
    return _labelled(folder, make_pipeline(StandardScaler(), LinearSVC()), ["a", "b", "c"])


@species("plain-ridge")
def ridge(folder: Path) -> Grown:
    """RidgeClassifier has no probabilities."""
    return _labelled(folder, RidgeClassifier(), [False, True])


@species("plain-perceptron")
def perceptron(folder: Path) -> Grown:
    """Perceptron has no probabilities."""
    return _labelled(folder, Perceptron(random_state=0), [3, 1, 2])


@species("plain-passive-aggressive")
def passive(folder: Path) -> Grown:
    """PassiveAggressiveClassifier has no probabilities."""
    return _labelled(folder, PassiveAggressiveClassifier(random_state=0), ["n", "y"])


@species("plain-hinge")
def hinge(folder: Path) -> Grown:
    """SGDClassifier with the hinge loss has no probabilities, although its class can have them."""
    return _labelled(folder, SGDClassifier(random_state=0), ["n", "y"])


@species("plain-centroid")
def centroid(folder: Path) -> Grown:
    """NearestCentroid."""
    return _labelled(folder, NearestCentroid(), ["n", "y", "z"])


@species("plain-one-vs-one")
def one_vs_one(folder: Path) -> Grown:
    """One classifier per pair of classes."""
    return _labelled(folder, OneVsOneClassifier(LinearSVC()), ["a", "b", "c"])


@species("plain-output-code")
def output_code(folder: Path) -> Grown:
    """Error-correcting output codes."""
    return _labelled(folder, OutputCodeClassifier(LogisticRegression(), random_state=0), ["a", "b", "c"])


@species("proba-one-vs-rest")
def one_vs_rest(folder: Path) -> Grown:
    """One logistic regression per class."""
    return _labelled(folder, OneVsRestClassifier(LogisticRegression()), ["a", "b", "c"])


@species("proba-calibrated")
def calibrated(folder: Path) -> Grown:
    """A linear SVM that was given probabilities by calibration."""
    return _labelled(folder, CalibratedClassifierCV(LinearSVC(), cv=3), ["n", "y"])


@species("proba-calibrated-isotonic")
def isotonic(folder: Path) -> Grown:
    """Isotonic calibration of a tree of three classes."""
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    return _labelled(folder, CalibratedClassifierCV(tree, method="isotonic", cv=3), ["a", "b", "c"], as_joblib)


@species("proba-adaboost")
def adaboost(folder: Path) -> Grown:
    """AdaBoost of stumps."""
    return _labelled(folder, AdaBoostClassifier(n_estimators=6, random_state=0), ["a", "b", "c"])


@species("proba-gradient-boosting")
def gradient_boosting(folder: Path) -> Grown:
    """Gradient boosting of three classes."""
    return _labelled(folder, GradientBoostingClassifier(n_estimators=5, random_state=0), ["a", "b", "c"])


@species("proba-bernoulli")
def bernoulli(folder: Path) -> Grown:
    """Bernoulli naive Bayes."""
    return _labelled(folder, BernoulliNB(), [0, 1])


@species("proba-spreading")
def spreading(folder: Path) -> Grown:
    """Labels spread from the few rows that have one."""
    return _labelled(folder, LabelSpreading(kernel="knn", n_neighbors=5), [2, 5])


@species("proba-self-training")
def self_training(folder: Path) -> Grown:
    """Self-training around a logistic regression."""
    return _labelled(folder, SelfTrainingClassifier(LogisticRegression()), [0, 1])
