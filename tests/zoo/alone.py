"""Models without a target: outliers and clusters; and what predicts nothing at all."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import DBSCAN, AffinityPropagation, Birch, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from .data import TEST, matrix, people, values
from .specimen import Grown, as_joblib, as_pickle, as_skops, labelled, rows_of, species

ROWS = matrix(seed=21)
FLAGS = (ROWS[:, :3] + 0.5 * ROWS[:, 1:4] > 0.1).astype(int)
TARGETS = np.column_stack([values(ROWS), 10 * ROWS[:, 2], ROWS.sum(axis=1)])


def _cluster(folder: Path, model: Any, save: Any = as_skops) -> Grown:
    model.fit(ROWS)
    found = model.predict(ROWS[:TEST])
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(ROWS[:TEST])
        return Grown(
            **save(folder, model),
            rows=rows_of(ROWS[:TEST]),
            answers=labelled(found, probabilities, range(probabilities.shape[1])),
        )
    return Grown(**save(folder, model), rows=rows_of(ROWS[:TEST]), answers=labelled(found))


@species("outlier-forest")
def outlier_forest(folder: Path) -> Grown:
    """An isolation forest answers 1 or -1."""
    return _cluster(folder, IsolationForest(n_estimators=9, random_state=0))


@species("outlier-svm")
def outlier_svm(folder: Path) -> Grown:
    """A one-class SVM behind a scaler."""
    return _cluster(folder, make_pipeline(StandardScaler(), OneClassSVM(nu=0.2)))


@species("outlier-factor")
def outlier_factor(folder: Path) -> Grown:
    """A local outlier factor made for new rows."""
    return _cluster(folder, LocalOutlierFactor(novelty=True), as_pickle)


@species("outlier-envelope")
def outlier_envelope(folder: Path) -> Grown:
    """An elliptic envelope."""
    return _cluster(folder, EllipticEnvelope(random_state=0))


@species("outlier-factor-once")
def outlier_once(folder: Path) -> Grown:
    """A local outlier factor that judges only the rows it was fitted on."""
    return Grown(**as_skops(folder, LocalOutlierFactor().fit(ROWS)), refused="not-a-predictor", says="predict")


@species("cluster-means")
def cluster_means(folder: Path) -> Grown:
    """k-means behind a scaler."""
    return _cluster(folder, make_pipeline(StandardScaler(), KMeans(3, n_init=2, random_state=0)))


@species("cluster-means-frame")
def cluster_frame(folder: Path) -> Grown:
    """k-means in batches on a frame."""
    rows = people("age", "rooms")
    model = MiniBatchKMeans(4, n_init=2, random_state=0).fit(rows)
    return Grown(**as_skops(folder, model), rows=rows_of(rows[:TEST]), answers=labelled(model.predict(rows[:TEST])))


@species("cluster-mixture")
def cluster_mixture(folder: Path) -> Grown:
    """A Gaussian mixture answers probabilities."""
    return _cluster(folder, GaussianMixture(3, random_state=0))


@species("cluster-mixture-bayes")
def cluster_bayes(folder: Path) -> Grown:
    """A Bayesian Gaussian mixture."""
    return _cluster(folder, BayesianGaussianMixture(n_components=3, random_state=0))


@species("cluster-birch")
def cluster_birch(folder: Path) -> Grown:
    """BIRCH with a given number of clusters."""
    return _cluster(folder, Birch(n_clusters=4, threshold=0.4), as_joblib)


@species("cluster-birch-open")
def cluster_birch_open(folder: Path) -> Grown:
    """BIRCH that leaves every subcluster a cluster of its own."""
    return _cluster(folder, Birch(n_clusters=None, threshold=0.9), as_joblib)


@species("cluster-shift")
def cluster_shift(folder: Path) -> Grown:
    """Mean shift finds the number of clusters itself; some rows may belong to none."""
    return _cluster(folder, MeanShift(bandwidth=2.0, cluster_all=False))


@species("cluster-affinity")
def cluster_affinity(folder: Path) -> Grown:
    """Affinity propagation finds the number of clusters itself."""
    return _cluster(folder, AffinityPropagation(random_state=0, damping=0.9))


@species("cluster-bisecting")
def cluster_bisecting(folder: Path) -> Grown:
    """Bisecting k-means."""
    return _cluster(folder, BisectingKMeans(3, random_state=0))


@species("cluster-density")
def cluster_density(folder: Path) -> Grown:
    """DBSCAN judges only the rows it was fitted on."""
    return Grown(**as_skops(folder, DBSCAN().fit(ROWS)), refused="not-a-predictor", says="predict")


@species("transformer-only")
def transformer_only(folder: Path) -> Grown:
    """A scaler without a model behind it predicts nothing."""
    return Grown(**as_skops(folder, StandardScaler().fit(ROWS)), refused="not-a-predictor", says="predict")


@species("unfitted")
def unfitted(folder: Path) -> Grown:
    """A pipeline that was saved before it was fitted."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return Grown(**as_skops(folder, model), refused="unknown-inputs", says="how many columns")
