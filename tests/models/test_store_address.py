"""The address of a store that needs a password, as the training scripts show it."""

import pytest

from models import tracking

ADDRESS = "http://me:secret@store:5000/ml?token=secret"


def test_no_message_of_a_training_shows_what_opens_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the address itself nor an error that repeats it, whole or in part."""
    monkeypatch.setenv(tracking.URI, ADDRESS)
    assert tracking.shown_store() == "http://store:5000/ml"
    with pytest.raises(SystemExit) as told:
        tracking.show(5000)
    assert str(told.value).endswith("that server has the page itself; open http://store:5000/ml")
    for text in (f"no route to {ADDRESS}", "no route to 'http://me:secret@store:5000/api'", ""):
        assert "secret" not in tracking._first_line(OSError(text), ADDRESS)
