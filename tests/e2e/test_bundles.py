"""A model in several files on a real gateway: the requests of tutorials, the standard protocols, an edit of one file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import StandardScaler

from gateway.artifacts.source_files import digest
from serving import START_S, Gateway, until

#: The registry of the tests: an original without a compiled model is prepared sooner.
REGISTRY = """version: 1
routes:
  /spam: {artifact: [vectorizer.skops, model.skops], inputs: {message: {}}, compile: "off"}
  /grade: {artifact: [scaler.skops, grade.skops, columns.pkl], compile: "off", allow_pickle: true, sha256: PINS}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder with two models in several files, and the registry that names them."""
    texts = ["win a prize now", "free prize", "see you for lunch", "lunch at noon"]
    words = CountVectorizer().fit(texts)
    skops.io.dump(words, tmp_path / "vectorizer.skops")
    skops.io.dump(MultinomialNB().fit(words.transform(texts), ["spam", "spam", "ham", "ham"]), tmp_path / "model.skops")
    hours = np.array([[1.0, 6.0], [2.0, 8.0], [4.0, 7.0]])
    scaler = StandardScaler().fit(hours)
    skops.io.dump(scaler, tmp_path / "scaler.skops")
    skops.io.dump(LinearRegression().fit(scaler.transform(hours), [3.0, 5.0, 9.0]), tmp_path / "grade.skops")
    joblib.dump(["study", "sleep"], tmp_path / "columns.pkl")
    pins = [digest(tmp_path / name)[0] for name in ("scaler.skops", "grade.skops", "columns.pkl")]
    (tmp_path / "registry.yaml").write_text(REGISTRY.replace("PINS", f"[{', '.join(pins)}]"))
    return tmp_path


@pytest.mark.slow
def test_files_are_asked_and_edited_as_one_model(home: Path, gateway: Callable[..., Gateway]) -> None:
    """One row, a batch and V2 agree; a new file among them is a new version, in all workers, and its pin holds."""
    server = gateway(home / "registry.yaml", workers=2)
    ham = server.post("/spam", {"message": "see you at lunch"}).json
    assert ham["prediction"] == "ham"
    assert server.form("/spam", message="free prize").json["prediction"] == "spam"
    assert server.post("/spam", {"data": ["see you at lunch"]}).json == ham
    assert server.post("/grade", {"study": 4, "sleep": 7}).json["prediction"] == pytest.approx(9.0)
    rows = [{"study": 1, "sleep": 6}, {"study": 2, "sleep": 8}]
    batch = [one["prediction"] for one in server.post("/grade", rows).json["predictions"]]
    assert batch == pytest.approx([3.0, 5.0])
    columns = [
        {"name": name, "shape": [2], "datatype": "FP64", "data": [row[name] for row in rows]} for name in rows[0]
    ]
    assert server.post("/v2/models/grade/infer", {"inputs": columns}).json["outputs"][0]["data"] == pytest.approx(batch)
    before = _routes(server)
    assert [Path(file["path"]).name for file in before["/spam"]["files"]] == ["vectorizer.skops", "model.skops"]
    _swap_labels(home / "model.skops")
    until(
        lambda: _routes(server)["/spam"]["version"] != before["/spam"]["version"],
        timeout_s=START_S,
        what="the new version",
    )
    until(lambda: server.health()["same_generation"], timeout_s=START_S, what="all workers")
    assert {server.post("/spam", {"message": "see you at lunch"}).json["prediction"] for _ in range(10)} == {"spam"}
    (home / "scaler.skops").write_bytes((home / "grade.skops").read_bytes())
    until(lambda: "the registry pins" in _last_event(server), timeout_s=START_S, what="the refusal")
    assert server.post("/grade", {"study": 4, "sleep": 7}).json["prediction"] == pytest.approx(9.0)


def _routes(server: Gateway) -> dict[str, Any]:
    return {route["path"]: route for route in server.get("/routes").json["routes"]}


def _last_event(server: Gateway) -> str:
    return json.dumps(server.health()["reload"])


def _swap_labels(path: Path) -> None:
    """Write another model: the same one with its classes called the other way round."""
    model = skops.io.load(path)
    model.feature_log_prob_ = model.feature_log_prob_[::-1].copy()
    skops.io.dump(model, path)
