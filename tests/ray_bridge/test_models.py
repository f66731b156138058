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
