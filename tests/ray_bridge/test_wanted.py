"""What the arbiter writes becomes applications of Serve; needs no Ray."""

import json
from pathlib import Path
from typing import Any

from gateway.ray_bridge.wanted import WantedModel, owner_of, read

ONE: dict[str, Any] = {"name": "loan-1", "path": "/cache/a.tar", "sha256": "ab", "place": "/cache"}


def test_no_file_is_no_answer(tmp_path: Path) -> None:
    """A bridge that has been told nothing yet deletes nothing."""
    assert read(tmp_path / "models.json") is None


def test_models_of_a_file(tmp_path: Path) -> None:
    """Keys of the registry arrive as they are."""
    path = tmp_path / "models.json"
    path.write_text(json.dumps([ONE | {"replicas": 3, "autoscale": None, "num_cpus": 0.5, "max_ongoing": 8}]))
    assert read(path) == [WantedModel(**ONE, replicas=3)]


def test_replicas_are_of_the_deployment_and_the_archive_is_of_the_application() -> None:
    """Serve changes the first in place, and rolls replicas for the second."""
    few, many = (WantedModel(**ONE, replicas=n).application("me") for n in (1, 4))
    assert few["args"] == many["args"] == {"name": "loan-1", "sha256": "ab", "place": "/cache", "owner": "me"}
    assert [one["deployments"][0]["num_replicas"] for one in (few, many)] == [1, 4]


def test_autoscaling_takes_the_place_of_replicas() -> None:
    """Serve refuses both together."""
    found = WantedModel(**ONE, autoscale=(1, 4)).application("me")["deployments"][0]
    assert "num_replicas" not in found
    assert found["autoscaling_config"] == {"min_replicas": 1, "max_replicas": 4}


def test_no_proxy_serves_an_application() -> None:
    """Models are asked through the handle alone."""
    assert WantedModel(**ONE).application("me")["route_prefix"] is None


def test_owner_of_applications() -> None:
    """Only what a bridge deployed has an owner, whatever the arguments of others are."""
    assert owner_of(WantedModel(**ONE).application("me")) == "me"
    assert owner_of({"import_path": "theirs:app", "args": {"owner": "me"}}) == ""
    assert owner_of({"import_path": "theirs:app"}) == ""
