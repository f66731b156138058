"""References and addresses of stores as they are written, without asking any store."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.artifacts.mlflow_reference import parse_reference
from gateway.artifacts.resolution import Resolution
from gateway.errors import GatewayError
from gateway.references.model_places import Place, leaving_link, models_of, place_of, relocated
from gateway.references.store_uri import folder_path, sqlite_path, store_uri, without_credentials
from gateway.registry.load import load_registry
from gateway.registry.load_options import load_options


def test_a_reference_is_read_as_it_is_written() -> None:
    """Each form fills its own parts; values of best? may be percent-encoded, and a plus stays one."""
    alias = parse_reference("mlflow:models:/my model@champion")
    assert (alias.kind, alias.name, alias.alias, alias.moves) == ("alias", "my model", "champion", True)
    version = parse_reference("mlflow:models:/churn/03")
    assert (version.kind, version.name, version.version, version.moves) == ("version", "churn", "3", False)
    run = parse_reference("mlflow:runs:/0f3e/sub/model.skops")
    assert (run.kind, run.run_id, run.path, run.moves) == ("run", "0f3e", "sub/model.skops", False)
    best = parse_reference(
        "mlflow:best?experiment=a%26b&metric=metrics.log_loss&mode=min&filter=metrics.auc > 1e+0 and tags.x = 'y'"
    )
    assert (best.kind, best.experiment, best.metric, best.mode) == ("best", "a&b", "log_loss", "min")
    assert best.filter == "metrics.auc > 1e+0 and tags.x = 'y'"


@pytest.mark.parametrize(
    "text",
    [
        "mlflow:",
        "mlflow:models:/",
        "mlflow:models:/a/b/3",
        "mlflow:models:/a@",
        "mlflow:models:/a/latest",
        "mlflow:runs:/abc",
        "mlflow:runs:/abc/..",
        "mlflow:runs:/abc/a\\..\\b",
        "mlflow:best",
        "mlflow:best?experiment=&metric=a&mode=min",
        "mlflow:best?experiment=a&metric=a&mode=min&mode=max",
    ],
)
def test_everything_else_is_refused_with_a_fix(text: str) -> None:
    """No half of a reference is guessed."""
    with pytest.raises(GatewayError) as caught:
        parse_reference(text)
    assert caught.value.code == "bad-reference"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@store:5000/ml?token=secret", "http://store:5000/ml"),
        ("postgresql+psycopg://me:se@cret@db/mlflow", "postgresql+psycopg://db/mlflow"),
        ("no route to 'https://u:secret@h/x?k=secret', sorry", "no route to 'https://h/x', sorry"),
        ("mlflow:best?experiment=a&metric=b&mode=min", "mlflow:best?experiment=a&metric=b&mode=min"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_no_address_shows_its_credentials(text: str, shown: str) -> None:
    """User, password and query of an address are cut out of every text."""
    assert without_credentials(text) == shown


def test_the_store_beside_the_registry_is_the_default(tmp_path: Path) -> None:
    """A database in mlruns/, or where there is none a folder of runs; GATEWAY_MLFLOW_URI beats both."""
    assert store_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("{}")
    assert store_uri(None, tmp_path) == str(tmp_path / "mlruns")
    (tmp_path / "mlruns" / "mlflow.db").touch()
    assert store_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert store_uri("http://h", tmp_path) == "http://h"


def test_relative_addresses_start_from_the_registry(tmp_path: Path) -> None:
    """What a person writes in the folder of the registry means the same to a gateway that runs elsewhere."""
    assert sqlite_path("sqlite:///mlruns/mlflow.db", tmp_path) == tmp_path / "mlruns" / "mlflow.db"
    assert sqlite_path("sqlite:////a/mlflow.db?timeout=3", tmp_path) == Path("/a/mlflow.db")
    assert sqlite_path("http://h", tmp_path) is None
    assert folder_path("mlruns", tmp_path) == tmp_path / "mlruns"
    assert folder_path("file:///a/mlruns", tmp_path) == Path("/a/mlruns")
    assert folder_path("http://h", tmp_path) is None
    assert folder_path("databricks", tmp_path) is None


def test_a_store_that_was_copied_from_another_machine_keeps_its_models(tmp_path: Path) -> None:
    """Paths of that machine, of Windows too, are found again below the store; others are not invented."""
    model = tmp_path / "0" / "abc" / "artifacts" / "model"
    model.mkdir(parents=True)
    assert relocated("file:///C:/Users/me/mlruns/0/abc/artifacts/model", [tmp_path]) == model
    assert relocated("C:\\Users\\me\\mlruns\\0\\abc\\artifacts\\model", [tmp_path]) == model
    assert relocated("/home/me/mlruns/0/abc/artifacts/model", [tmp_path]) == model
    assert relocated(model.as_uri(), []) == model
    assert relocated("file:///nowhere/model", [tmp_path]) == Path("/nowhere/model")
    assert relocated("s3://bucket/0/abc/artifacts/model", [tmp_path]) is None


def test_a_tag_of_a_run_names_no_place_outside_of_it() -> None:
    """Anybody may write the tag in which MLflow 1 and 2 list models: paths with dots in it are no models."""
    told = [{"artifact_path": path} for path in ("model", "../../etc", "a/./b", "/etc", "a//b")]
    run = SimpleNamespace(
        info=SimpleNamespace(artifact_uri="file:///s/0/r/artifacts"),
        data=SimpleNamespace(tags={"mlflow.log-model.history": json.dumps(told)}),
    )
    assert dict(models_of(None, run)) == {"model": Place("file:///s/0/r/artifacts", "model")}


def test_a_link_may_lead_everywhere_inside_of_the_store_only(tmp_path: Path) -> None:
    """The folder that the store made may be a link of its owner; on and below what was logged, none leads out of it."""
    disk, secret = tmp_path / "disk", tmp_path / "secret.txt"
    (disk / "model" / "data").mkdir(parents=True)
    secret.write_text("secret")
    (tmp_path / "artifacts").symlink_to(disk)
    model = tmp_path / "artifacts" / "model"
    (model / "m.ubj").write_text("a model")
    (model / "again.ubj").symlink_to("m.ubj")
    assert place_of(model.as_uri()) == Place(model.parent.as_uri(), "model")
    assert place_of("file:///models/m-1/artifacts") == Place("file:///models/m-1/artifacts")
    assert leaving_link(model, "model") is None
    assert leaving_link(model / "m.ubj", "model/m.ubj") is None
    assert leaving_link(model, "") is None
    for name, target in (("file", secret), ("folder", tmp_path), ("up", Path("..", "..", "..", "secret.txt"))):
        link = model / "data" / name
        link.symlink_to(target)
        assert leaving_link(model, "model") == link
        assert leaving_link(model, "") == link
        assert leaving_link(link, f"model/data/{name}") == link
        link.unlink()
    (disk / "stolen").symlink_to(tmp_path)
    assert leaving_link(model.parent / "stolen" / "secret.txt", "stolen/secret.txt") is not None


def test_a_pickle_of_a_store_needs_the_opt_in_and_no_sha256(tmp_path: Path) -> None:
    """The digest of the copy is its pin; until a copy was taken, nothing may be unpickled."""
    (tmp_path / "registry.yaml").write_text(
        "version: 1\nroutes:\n  /a: {artifact: mlflow:models:/a@b, allow_pickle: true}\n  /b: mlflow:models:/a@b\n"
    )
    asked, plain = load_registry(tmp_path / "registry.yaml", files=True).routes
    taken = Resolution(reference="mlflow:models:/a@b", path="/copy", sha256="0" * 64)
    assert not load_options(asked, None, tmp_path).allow_pickle
    assert load_options(replace(asked, resolved=taken), None, tmp_path).allow_pickle
    assert not load_options(replace(plain, resolved=taken), None, tmp_path).allow_pickle
