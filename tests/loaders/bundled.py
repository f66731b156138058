"""Bundles as courses and tutorials save them, with the answers of the libraries themselves. States no law."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import KBinsDiscretizer, LabelEncoder, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from gateway.artifacts import bundle_folders
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.schema import Predictor, make_column

#: Counts the folders of links.
_NUMBERS = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Case:
    """Hold files (name -> object, or a function that writes it), rows, and what the libraries answer to them."""

    files: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any] | str]
    right: npt.NDArray[Any]
    labels: tuple[Any, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass
class Data:
    """Make the data of the cases once."""

    body: pd.DataFrame = field(init=False)
    people: pd.DataFrame = field(init=False)
    heavy: npt.NDArray[Any] = field(init=False)
    cost: npt.NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        draw = np.random.default_rng(5)
        self.body = pd.DataFrame(draw.normal(50, 20, (40, 3)).round(2), columns=["height", "weight", "age"])
        self.heavy = (self.body["height"] + self.body["weight"] > 100).to_numpy().astype(int)
        self.people = pd.DataFrame(
            {
                "age": draw.integers(18, 64, 40),
                "sex": draw.choice(["female", "male"], 40),
                "bmi": draw.normal(28, 5, 40).round(1),
                "region": draw.choice(["ne", "nw", "s e"], 40),
            }
        )
        self.cost = 100.0 * self.people["age"].to_numpy() + np.where(self.people["sex"] == "male", 900, 0)


def write(folder: Path, files: Mapping[str, Any]) -> list[Path]:
    """Write the files of a case."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in files.items():
        joblib.dump(held, folder / name) if not callable(held) else held(folder / name)
    return [folder / name for name in files]


def load(files: Sequence[Path], steps: tuple[str, ...] = ()) -> Predictor:
    """Load files as a route with them would."""
    options = LoadOptions(allow_pickle=True, steps=steps, origin=files[0].parent)
    if len(files) == 1:
        return get_loader("sklearn").load(files[0], options)
    folder = files[0].parent / f"links-{next(_NUMBERS)}"
    for one in bundle_folders.copies_of(files, ["0" * 64] * len(files)):
        (folder / one.inside).parent.mkdir(parents=True)
        (folder / one.inside).symlink_to(one.source)
    return get_loader("bundle").load(folder, options)


def ask(predictor: Predictor, rows: Sequence[Mapping[str, Any] | str]) -> npt.NDArray[Any]:
    """Return the probabilities, or else the values, of rows."""
    fields = predictor.signature.inputs
    columns = [
        make_column(one.type, [row if isinstance(row, str) else row[one.name] for row in rows]) for one in fields
    ]
    found = predictor.predict(columns)
    return np.asarray(found.values if found.probabilities is None else found.probabilities)


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v.item() if hasattr(v, "item") else v for k, v in row.items()} for row in frame.to_dict("records")]


def cases() -> dict[str, Case]:
    """Return the bundles that are served, by name."""
    data = Data()
    body, people, heavy, cost = data.body, data.people, data.heavy, data.cost
    texts = ["win a prize now", "free prize", "see you for lunch", "lunch at noon"]
    asked: list[str] = ["a free lunch prize", "see you at noon"]
    words = CountVectorizer().fit(texts)
    weights = TfidfTransformer().fit(words.transform(texts))
    judge = MultinomialNB().fit(weights.transform(words.transform(texts)), ["spam", "spam", "ham", "ham"])
    rows, few = _plain(body.head(3)), body.head(3)
    scaler = StandardScaler().fit(body)
    kinds = LabelEncoder().fit(["light", "heavy"])
    model = LogisticRegression().fit(scaler.transform(body), heavy)
    scaled = model.predict_proba(scaler.transform(few))
    bare = StandardScaler().fit(body.to_numpy())
    bare_model = LogisticRegression().fit(bare.transform(body.to_numpy()), heavy)
    pca = PCA(2).fit(scaler.transform(body))
    machine = SVC().fit(pca.transform(scaler.transform(body)), heavy)
    bins = KBinsDiscretizer(3, encode="onehot", quantile_method="linear").fit(body)
    binned = LogisticRegression().fit(bins.transform(body), heavy)
    plans = [{"plan": p, "months": m} for p in ("year", "month") for m in (1, 5, 12, 30)]
    dicts = DictVectorizer().fit(plans)
    leaves = LogisticRegression().fit(dicts.transform(plans), [0, 0, 0, 0, 1, 1, 1, 0])
    some, who = _plain(people.head(3)), people.head(3)
    columns = ColumnTransformer([("n", StandardScaler(), ["age", "bmi"]), ("c", OneHotEncoder(), ["sex", "region"])])
    columns.fit(people)
    codes = {name: LabelEncoder().fit(people[name]) for name in ("sex", "region")}
    coded = people.assign(**{name: code.transform(people[name]) for name, code in codes.items()})
    coded_few = coded.head(3)
    part = StandardScaler().fit(coded[["age", "bmi"]])
    numbers = coded.astype(float)
    numbers[["age", "bmi"]] = part.transform(coded[["age", "bmi"]])
    linear = LinearRegression().fit(coded, cost)
    mixed = LinearRegression().fit(numbers, cost)
    hot = OneHotEncoder().fit(people[["sex", "region"]])
    wide = pd.DataFrame(hot.transform(people[["sex", "region"]]).toarray(), columns=hot.get_feature_names_out())
    wide = pd.concat([people[["age", "bmi"]], wide], axis=1)
    spread = LinearRegression().fit(wide, cost)
    risk = LabelEncoder().fit(["high", "low"])
    risky = LogisticRegression(max_iter=2000).fit(coded, (cost > np.median(cost)).astype(int))
    with_target = {**codes, "risk": risk}
    extras = {"accuracy": 0.97, "trained": "2024-01-01", "params": {"C": 1.0}}
    return {
        "three pickles": Case(
            files={"count_vect.pkl": words, "tfidf_transformer.pkl": weights, "clf.pkl": judge},
            rows=asked,
            right=judge.predict_proba(weights.transform(words.transform(asked))),
            labels=("ham", "spam"),
        ),
        "scaler, PCA, SVC": Case(
            files={"scaler.pkl": scaler, "pca.pkl": pca, "svc.joblib": machine},
            rows=rows,
            right=machine.predict(pca.transform(scaler.transform(few))),
        ),
        "label encoder behind the model": Case(
            files={"scaler.pkl": scaler, "model.pkl": model, "label_encoder.pkl": kinds},
            rows=rows,
            right=scaled,
            labels=("heavy", "light"),
        ),
        "dict with extras": Case(
            files={
                "b.joblib": {"model": model, "scaler": scaler, "features": list(body.columns), "le": kinds, **extras}
            },
            rows=rows,
            right=scaled,
            labels=("heavy", "light"),
        ),
        "model before its scaler in a tuple": Case(
            files={"b.pkl": (bare_model, bare)},
            rows=[dict(zip(("x0", "x1", "x2"), row.values(), strict=True)) for row in rows],
            right=bare_model.predict_proba(bare.transform(few.to_numpy())),
        ),
        "columns behind the model": Case(
            files={"scaler.pkl": bare, "model.pkl": bare_model, "columns.pkl": list(body.columns)},
            rows=rows,
            right=bare_model.predict_proba(bare.transform(few.to_numpy())),
        ),
        "bins": Case(
            files={"discretizer.pkl": bins, "model.pkl": binned},
            rows=rows,
            right=binned.predict_proba(bins.transform(few)),
        ),
        "DictVectorizer": Case(
            files={"b.pkl": (dicts, leaves)}, rows=plans[2:5], right=leaves.predict_proba(dicts.transform(plans[2:5]))
        ),
        "ColumnTransformer": Case(
            files={"preprocessor.pkl": columns, "model.pkl": LinearRegression().fit(columns.transform(people), cost)},
            rows=some,
            right=LinearRegression().fit(columns.transform(people), cost).predict(columns.transform(who)),
        ),
        "encoders by column": Case(
            files={"encoders.pkl": codes, "model.pkl": linear}, rows=some, right=linear.predict(coded_few)
        ),
        "encoders, columns and a model without names": Case(
            files={
                "encoders.pkl": codes,
                "columns.pkl": list(people.columns),
                "model.pkl": LinearRegression().fit(coded.to_numpy(), cost),
            },
            rows=some,
            right=linear.predict(coded_few),
        ),
        "encoders beside the model": Case(
            files={"b.pkl": {"model": linear, "le_sex": codes["sex"], "region": codes["region"]}},
            rows=some,
            right=linear.predict(coded_few),
        ),
        "encoders with that of the target": Case(
            files={"encoders.pkl": with_target, "model.pkl": risky},
            rows=some,
            right=risky.predict_proba(coded_few),
            labels=("high", "low"),
        ),
        "scaler of some columns": Case(
            files={"scaler.pkl": part, "encoders.pkl": codes, "model.pkl": mixed},
            rows=some,
            right=mixed.predict(numbers.head(3)),
        ),
        "one-hot encoder of some columns": Case(
            files={"b.pkl": {"model": spread, "ohe": hot}}, rows=some, right=spread.predict(wide.head(3))
        ),
        "steps of the registry": Case(
            files={"b.pkl": {"scaler": scaler, "imputer": SimpleImputer().fit(body), "old": leaves, "new": model}},
            rows=rows,
            right=scaled,
            steps=("imputer", "scaler", "new"),
        ),
    }
