"""Votes, stacks, bags and searches, of estimators that may themselves be pipelines over mixed frames."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, Ridge, RidgeCV
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .data import TEST, old_or_young, people, worth
from .specimen import Grown, as_joblib, as_pickle, as_skops, classified, regressed, rows_of, species

MIXED = people("age", "income", "region")
NUMBERS = people("age", "rooms")


def _front() -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_column_transformer((numbers, ["age", "income"]), (OneHotEncoder(handle_unknown="ignore"), ["region"]))


def _class(folder: Path, model: Any, rows: Any, save: Any = as_skops) -> Grown:
    model.fit(rows, old_or_young())
    return Grown(**save(folder, model), rows=rows_of(rows[:TEST]), answers=classified(model, rows[:TEST]))


def _value(folder: Path, model: Any, rows: Any, save: Any = as_skops) -> Grown:
    model.fit(rows, worth())
    return Grown(**save(folder, model), rows=rows_of(rows[:TEST]), answers=regressed(model, rows[:TEST]))


def _members() -> list[tuple[str, Any]]:
    return [
        ("line", make_pipeline(_front(), LogisticRegression())),
        ("tree", make_pipeline(_front(), DecisionTreeClassifier(max_depth=3, random_state=0))),
    ]


@species("vote-soft")
def vote_soft(folder: Path) -> Grown:
    """A soft vote of two pipelines, each with encoders of its own."""
    return _class(folder, VotingClassifier(_members(), voting="soft", weights=[2, 1]), MIXED)


@species("vote-hard")
def vote_hard(folder: Path) -> Grown:
    """A hard vote has no probabilities."""
    return _class(folder, VotingClassifier([*_members(), ("bayes", make_pipeline(_front(), GaussianNB()))]), MIXED)


@species("vote-values")
def vote_values(folder: Path) -> Grown:
    """A vote of regressors."""
    members = [("line", LinearRegression()), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]
    return _value(folder, VotingRegressor(members), NUMBERS)


@species("stack-classes")
def stack_classes(folder: Path) -> Grown:
    """A stack behind common encoders, with a logistic regression on top."""
    members = [("forest", RandomForestClassifier(5, random_state=0)), ("svm", LinearSVC())]
    return _class(folder, make_pipeline(_front(), StackingClassifier(members, cv=3)), MIXED, as_joblib)


@species("stack-frames")
def stack_frames(folder: Path) -> Grown:
    """A stack whose members are pipelines over the frame, passthrough off."""
    return _class(folder, StackingClassifier(_members(), cv=3), MIXED)


@species("stack-values")
def stack_values(folder: Path) -> Grown:
    """A stack of regressors that also sees the inputs."""
    members = [("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]
    return _value(folder, StackingRegressor(members, RidgeCV(), cv=3, passthrough=True), NUMBERS)


@species("bag-classes")
def bag_classes(folder: Path) -> Grown:
    """Bagged trees on samples of rows and columns."""
    tree = DecisionTreeClassifier(max_depth=3)
    return _class(folder, BaggingClassifier(tree, 5, max_features=1, random_state=0), NUMBERS)


@species("bag-values")
def bag_values(folder: Path) -> Grown:
    """Bagged regressions, pickle."""
    return _value(folder, BaggingRegressor(LinearRegression(), 4, random_state=0), NUMBERS, as_pickle)


@species("search-grid")
def search_grid(folder: Path) -> Grown:
    """A grid search that was saved whole, over a mixed pipeline."""
    pipeline = make_pipeline(_front(), LogisticRegression())
    return _class(folder, GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=3), MIXED, as_joblib)


@species("search-random")
def search_random(folder: Path) -> Grown:
    """A random search over trees."""
    search = RandomizedSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 3, 4]}, n_iter=2, cv=3)
    return _value(folder, search.set_params(random_state=0), NUMBERS, as_pickle)


@species("search-regularisation")
def search_cv(folder: Path) -> Grown:
    """LogisticRegressionCV inside a pipeline."""
    steps = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=3, cv=3))
    return _class(folder, steps, NUMBERS, as_joblib)


@species("threshold-fixed", core=True)
def threshold_fixed(folder: Path) -> Grown:
    """A threshold of 0.8 decides the label, not the larger probability."""
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.8, pos_label="young")
    return _class(folder, model, NUMBERS)


@species("threshold-tuned")
def threshold_tuned(folder: Path) -> Grown:
    """A threshold tuned by cross validation."""
    model = TunedThresholdClassifierCV(GaussianNB(), cv=3)
    model.fit(NUMBERS, (old_or_young() == "old").astype(int))
    return Grown(**as_joblib(folder, model), rows=rows_of(NUMBERS[:TEST]), answers=classified(model, NUMBERS[:TEST]))


@species("grown-class-weights")
def class_weights(folder: Path) -> Grown:
    """HistGradientBoosting with class weights and early stopping on a mixed frame."""
    model = HistGradientBoostingClassifier(max_iter=9, class_weight="balanced", early_stopping=True, random_state=0)
    return _class(folder, model, people("age", "income", "rooms"))


@species("search-nested")
def search_nested(folder: Path) -> Grown:
    """A grid search as the last step of a pipeline."""
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4]}, cv=3)
    return _class(folder, make_pipeline(_front(), search), MIXED)


@species("nested-pipelines")
def nested_pipelines(folder: Path) -> Grown:
    """A pipeline in a pipeline in a pipeline."""
    inner = make_pipeline(SimpleImputer(), make_pipeline(StandardScaler(), "passthrough"))
    model = make_pipeline(inner, make_pipeline(LogisticRegression()))
    rows = people("age", "income")
    return _class(folder, model, rows.where(np.ones(rows.shape, dtype=bool)))
