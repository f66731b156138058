"""What the bridge answers for: models that the gateway wants, and those that its workers may still ask for."""

from typing import Any

import pytest

from gateway.child.faults import ChildError
from gateway.ray_bridge.models import Models

HANDLE: Any = object()


def code(models: Models, name: str) -> str:
    """Return the code of the refusal for a model."""
    with pytest.raises(ChildError) as caught:
        models.handle(name)
    return caught.value.code


def test_a_model_answers_until_its_application_is_deleted() -> None:
    """A commit names other models while workers still serve the generation before: none of their requests may fail."""
    models = Models()
    models.want(["old"])
    models.serves("old", HANDLE)
    models.want(["new"])
    assert models.handle("old") is HANDLE
    assert code(models, "new") == "child-loading"
    models.keep({"new", "old"})
    assert models.handle("old") is HANDLE
    models.keep({"new"})
    assert code(models, "old") == "not-found"


def test_a_model_that_never_answered_is_forgotten_at_once() -> None:
    """Of a refused edit nothing is left; a model that comes back is asked as before."""
    models = Models()
    models.want(["refused", "kept"])
    models.serves("kept", HANDLE)
    models.want(["kept"])
    assert code(models, "refused") == "not-found"
    models.want([])
    models.want(["kept"])
    assert models.handle("kept") is HANDLE


def test_a_bridge_that_has_just_started_knows_no_model_yet() -> None:
    """Whoever asks before the bridge was told its models waits for it, as for a model that starts."""
    models = Models()
    assert code(models, "loan") == "child-loading"
    models.want(["other"])
    assert code(models, "loan") == "not-found"


def test_what_the_cluster_runs_is_listed() -> None:
    """Each model with its state, the reason, and the nodes of its replicas; nothing is known of a cluster that is away."""
    models = Models()
    models.want(["loan", "new"])
    models.serves("loan", HANDLE)
    models.cluster_runs(["10.0.0.1", "10.0.0.2"], {"loan": ("10.0.0.1", "10.0.0.1"), "of others": ()})
    loan, new = models.index()
    assert (loan["name"], loan["state"], loan["replicas"]) == ("loan", "READY", ["10.0.0.1", "10.0.0.1"])
    assert loan["nodes"] == ["10.0.0.1", "10.0.0.2"]
    assert (new["state"], new["reason"], new["replicas"]) == ("UNAVAILABLE", "it is starting this model", [])
    models.cluster_is_away("the head does not answer")
    loan, new = models.index()
    assert (loan["replicas"], loan["nodes"], new["reason"]) == ([], [], "the head does not answer")
