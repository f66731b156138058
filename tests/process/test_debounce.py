"""A change of watched files is due when it has come to rest, and not before."""

from gateway.process.debounce import Debounce


def test_a_change_is_due_after_quiet_looks_only() -> None:
    """A file that is still being written is not tried; two looks without a difference make it due."""
    changes = Debounce("a", 2)
    assert [changes.look(value) for value in ("a", "b", "b", "c", "c", "c", "c")] == [False] * 5 + [True] * 2
    assert changes.accept() == "a"
    assert [changes.look(value) for value in ("c", "c", "c")] == [False] * 3


def test_what_changes_back_is_no_change() -> None:
    """A value that returns to the accepted one is never due."""
    changes = Debounce("a", 1)
    assert [changes.look(value) for value in ("b", "a", "a", "a")] == [False] * 4


def test_a_change_after_the_accepted_look_is_due() -> None:
    """An edit made while the one before was tried differs from what was accepted, and is tried next."""
    changes = Debounce("a", 1)
    assert [changes.look(value) for value in ("b", "b")] == [False, True]
    changes.accept()
    assert [changes.look(value) for value in ("c", "c")] == [False, True]
    assert changes.accept() == "b"
