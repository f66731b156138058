"""Models of other libraries, and of other versions, served by one gateway: each answers what it answers at home."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import serving
from environments.built import Built, built
from environments.old_pipelines import TRAIN
from gateway.artifacts import source_files
from references.stores import FileStore
from serving import Gateway

pytestmark = pytest.mark.slow

NAMES = ("age", "income", "region")
#: Trains one model of each library on the same rows, and prints what each answers to the first of them.
LIBRARIES = """
import json, pickle, warnings
warnings.simplefilter("ignore")
import catboost, lightgbm, mlflow, numpy as np, pandas as pd, statsmodels.api as sm, statsmodels.formula.api as smf

draw = np.random.RandomState(1)
frame = pd.DataFrame({"a": draw.normal(size=200), "b": draw.uniform(1, 5, 200)})
frame["y"] = 2 * frame.a - np.log(frame.b) + draw.normal(scale=0.1, size=200)
inputs, rows = frame[["a", "b"]], frame[["a", "b"]].head(20)
label = np.where(frame.y > 0, "high", "low")

cat = catboost.CatBoostClassifier(iterations=20, verbose=False, thread_count=1, allow_writing_files=False)
cat.fit(inputs, label).save_model("cat.cbm")
light = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(inputs, frame.y), 20)
light.save_model("light.txt")
with open("light.pkl", "wb") as file:
    pickle.dump(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(inputs, label), file)
formula = smf.ols("y ~ a + np.log(b)", frame).fit()
formula.save("formula.pkl")
arrays = sm.GLM(frame.y, sm.add_constant(inputs)).fit()
arrays.save("arrays.pkl")
mlflow.lightgbm.save_model(light, "folder", signature=mlflow.models.infer_signature(inputs, light.predict(inputs)))

class Sum(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["a"] * 3 + model_input["b"]

signature = mlflow.models.infer_signature(inputs, frame.y)
mlflow.pyfunc.save_model("pyfunc", python_model=Sum(), signature=signature)
asked = mlflow.pyfunc.load_model("pyfunc")
classifier = pickle.load(open("light.pkl", "rb"))
print(json.dumps({
    "rows": rows.to_dict("records"),
    "cat": [cat.predict(rows).ravel().tolist(), cat.predict_proba(rows).tolist()],
    "light": [light.predict(rows).tolist(), None],
    "pickled": [classifier.predict(rows).tolist(), classifier.predict_proba(rows).tolist()],
    "formula": [formula.predict(rows).tolist(), None],
    "arrays": [arrays.predict(sm.add_constant(rows)).tolist(), None],
    "pyfunc": [asked.predict(rows).tolist(), None],
    "folder": [light.predict(rows).tolist(), None],
    "reference": [light.predict(rows).tolist(), None],
}))
"""
TORCH = """
import json, torch
torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
torch.jit.script(module).save("module.pt")
rows = torch.randn(10, 3)
asked = torch.jit.load("module.pt")
print(json.dumps({"rows": rows.tolist(), "values": [float(asked(row[None])[0, 0]) for row in rows],
    "together": asked(rows).detach().numpy().ravel().tolist()}))
"""
#: A notebook: the class is one of `__main__`.
NOTEBOOK = """
import pickle
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

{own}
rows = np.arange(20.0).reshape(10, 2)
model = make_pipeline(Doubler(), LinearRegression()).fit(rows, rows[:, 0] - rows[:, 1] / 7)
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
"""
OWN = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return 2 * np.asarray(X)
"""


def pickled(path: Path) -> str:
    """Return the keys that admit a pickle, or a folder with one."""
    return f"artifact: {path}, allow_pickle: true, sha256: {source_files.digest(path)[0]}"


def answers(server: Gateway, path: str, rows: list[dict[str, Any]]) -> tuple[list[Any], list[list[float]] | None]:
    """Return predictions and probabilities of a batch."""
    found = server.post(path, {"instances": rows})
    assert found.status == 200, found.body
    told = found.json["predictions"]
    chances = [list(one["probabilities"].values()) for one in told if "probabilities" in one]
    return [one["prediction"] for one in told], chances or None


def test_one_pipeline_of_three_versions_under_three_routes(tmp_path: Path, cache: Path) -> None:
    """scikit-learn 0.24 on 3.8, 1.2 on 3.9 and the one here, under one gateway: labels and probabilities are equal."""
    told: dict[str, Any] = {}
    lines = ["version: 1", "routes:"]
    for name, version in (("oldest", "0.24"), ("older", "1.2"), ("here", "")):
        folder = tmp_path / name
        folder.mkdir()
        there = built(version, cache) if version else Built(Path(sys.executable), "", "")
        told[name] = there.run(TRAIN, folder)
        where = f"executor: {there.executor(tmp_path)}" if version else "compile: off"
        lines.append(f"  /{name}: {{{pickled(folder / 'pipeline.pkl')}, {where}}}")
    assert len({one["version"] for one in told.values()}) == 3
    with serving.running(tmp_path, cache, "\n".join(lines), prepare_timeout_s=600) as server:
        for name, native in told.items():
            rows = [dict(zip(NAMES, row, strict=False)) for row in native["rows"]]
            assert answers(server, f"/{name}", rows) == (native["pipeline"], native["pipeline.probabilities"]), name
        kinds = {one["name"]: one.get("executor", {}).get("kind") for one in server.get("/routes").json["routes"]}
    assert kinds["oldest"] == kinds["older"] == "process"


@pytest.fixture(scope="module")
def libraries(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path, Any]:
    """Return an environment, a folder with one model of each library, and what each of them answers there."""
    there = built("1.2", cache)
    folder = tmp_path_factory.mktemp("libraries")
    return there, folder, there.run(LIBRARIES, folder)


def test_models_of_every_library_answer_as_at_home(
    libraries: tuple[Built, Path, Any], cache: Path, tmp_path: Path
) -> None:
    """CatBoost, LightGBM, statsmodels, a function of MLflow's and a reference into its store, in one environment."""
    there, folder, native = libraries
    store, run = FileStore(tmp_path / "mlruns"), "0b" * 16
    (folder / "folder").rename(store.run(run) / "model")
    store.log_model(run, store.folder / "0" / run / "artifacts" / "model")
    store.version("rent", 1, run)
    store.alias("rent", "champion", 1)
    keys = {
        "cat": f"artifact: {folder / 'cat.cbm'}",
        "light": f"artifact: {folder / 'light.txt'}",
        "pickled": pickled(folder / "light.pkl"),
        "formula": f"{pickled(folder / 'formula.pkl')}, allow_code: true",
        "arrays": f"{pickled(folder / 'arrays.pkl')}, allow_code: true",
        "pyfunc": f"{pickled(folder / 'pyfunc')}, allow_code: true",
        "reference": "artifact: mlflow:models:/rent@champion",
    }
    lines = [f"  /{name}: {{{text}, executor: {there.executor(tmp_path)}}}" for name, text in keys.items()]
    with serving.running(
        tmp_path, cache, "\n".join(["version: 1", "routes:", *lines]), prepare_timeout_s=600
    ) as server:
        failed = {one["name"]: one.get("problem") for one in server.get("/routes").json["routes"]}
        assert not any(failed.values()), failed
        for name in keys:
            assert answers(server, f"/{name}", native["rows"]) == tuple(native[name]), name


def test_torchscript_answers_as_at_home(cache: Path, tmp_path: Path) -> None:
    """One matrix of 32-bit floats; a batch and single rows."""
    there = built("torch", cache)
    told = there.run(TORCH, tmp_path)
    line = f"  /module: {{artifact: module.pt, executor: {there.executor(tmp_path)}}}"
    with serving.running(tmp_path, cache, f"version: 1\nroutes:\n{line}\n", prepare_timeout_s=600) as server:
        rows = [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in told["rows"]]
        assert answers(server, "/module", rows) == (told["together"], None)
        assert [answers(server, "/module", [row])[0][0] for row in rows] == told["values"]


def test_a_class_of_a_notebook_is_served_as_the_fault_of_the_worker_says(tmp_path: Path, cache: Path) -> None:
    """`__main__.Doubler`: refused with what to add; pasted into the registry of a running gateway, it is served."""
    notebook = NOTEBOOK.format(own=OWN)
    subprocess.run([sys.executable, "-c", notebook], cwd=tmp_path, check=True)
    keys = pickled(tmp_path / "model.pkl")
    with serving.running(tmp_path, cache, f"version: 1\nroutes:\n  /model: {{{keys}}}\n", workers=1) as server:
        told = server.get("/routes").json["routes"][0]["problem"]
        assert "__main__.Doubler" in told["reason"]
        first = told["fix"].partition("; or ")[0]
        script = re.search(r"write Doubler into (\S+) beside it", first)
        assert script is not None, first
        (tmp_path / script[1]).write_text(OWN)
        pasted = ", ".join(re.findall(r"`(.+?)`", first))
        server.registry.write_text(f"version: 1\nroutes:\n  /model: {{{keys}, {pasted}}}\n")
        serving.until(lambda: server.get("/model", x0=3, x1=4).status == 200, 60, what="the route")
        assert server.get("/model", x0=3, x1=4).json["prediction"] == pytest.approx(3 - 4 / 7)
