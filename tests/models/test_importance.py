"""What counts in the models that ship, as their cards say it."""

import json
from pathlib import Path

import pytest

from gateway.artifacts import golden_rows
from gateway.loaders import get_loader
from gateway.loaders.base import LoadOptions
from gateway.prepare.explanation import report_explanation
from gateway.registry.spec import RouteSpec
from models.importance import importance_of

MODELS = Path(__file__).resolve().parents[2] / "models"
ARTIFACTS = [
    ("diabetes", "model.ubj", "xgboost"),
    ("loan", "model.ubj", "xgboost"),
    pytest.param("sentiment", "model.skops", "sklearn", marks=pytest.mark.slow),
    pytest.param("earnings", "model.skops", "sklearn", marks=pytest.mark.slow),
    pytest.param("insurance", "model.ubj", "xgboost", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "artifact", "loader"), ARTIFACTS)
def test_the_card_says_what_the_gateway_says(name: str, artifact: str, loader: str) -> None:
    """Inputs and sizes of metrics.json stand in the card, come out again, and are those of preparing."""
    folder = MODELS / name
    stated = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["importance"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    for field, size in stated["inputs"].items():
        assert f"| `{field}` | {size} |" in card
    again = importance_of(folder / artifact, folder / "golden.json")
    assert again["scale"] == stated["scale"]
    assert again["inputs"] == pytest.approx(stated["inputs"], rel=1e-3)
    predictor = get_loader(loader).load(folder / artifact, LoadOptions())
    rows = golden_rows.read(folder / "golden.json", predictor.signature).columns
    spec = RouteSpec(path="/m", name="m", artifact=artifact, loader=loader)
    report = report_explanation(spec, predictor, predictor.signature, rows, [column[:1] for column in rows])
    assert sorted(report.importance.values()) == pytest.approx(sorted(stated["inputs"].values()), rel=1e-3)


def test_a_model_that_is_explained_elsewhere_says_so(tmp_path: Path) -> None:
    """A MOJO needs Java: its card names the place where its parts are found."""
    assert "/routes" in importance_of(tmp_path / "model.zip", tmp_path / "golden.json")["reason"]
